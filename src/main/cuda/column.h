// Sums down the columns of a row-major matrix, in double.
//
// FOR_EACH_TILE(tile, columns) runs its body for tiles of columns. FOR_EACH_ROW_OF_TILE(row, rows, columns, slice_rows)
// goes over the rows of a slice in it, FOR_EACH_OF_TILE(k, tile, columns) over WIDTH columns side by side, tile + k.
// add_up(sums), sums being of WIDTH columns, puts together what threads have found apart, and where WRITES_TILE holds all
// of a slice's sums are in it then. On the GPU a block has one tile of one slice of the rows, each warp every so many rows
// of it; on the CPU all rows are one slice. No atomics: each run adds in the same order.
#pragma once
#include "row.h"

#ifdef LOCKSTEP_GPU
#define WIDTH 1
#define TILES(columns) (((columns) + LANES - 1) / LANES)
#define SLICE(columns) (blockIdx.x / TILES(columns))
#define FOR_EACH_TILE(tile, columns) \
    for (long tile = blockIdx.x % TILES(columns) * LANES + threadIdx.x % LANES, again = 1; again; again = 0)
#define FOR_EACH_ROW_OF_TILE(row, rows, columns, slice_rows)                                                  \
    for (long row = SLICE(columns) * (slice_rows) + threadIdx.x / LANES,                                      \
              end = (SLICE(columns) + 1) * (slice_rows) < (rows) ? (SLICE(columns) + 1) * (slice_rows) : (rows); \
         row < end; row += blockDim.x / LANES)
#define FOR_EACH_OF_TILE(k, tile, columns) for (long k = 0; k < 1 && tile < (columns); ++k)
#define WRITES_TILE (threadIdx.x < LANES)

INLINE void add_up(double* sum) {
    __shared__ double warp_sums[LANES][LANES];
    const int warp = threadIdx.x / LANES;
    const int lane = threadIdx.x % LANES;
    __syncthreads();  // an earlier call's readers are done
    warp_sums[warp][lane] = *sum;
    __syncthreads();
    if (warp == 0) {
        for (int other = 1; other < blockDim.x / LANES; ++other) {
            *sum += warp_sums[other][lane];
        }
    }
}
// sums[j] = the sum over the slices of slices[slice, j].
KERNEL(sum_column_slices, (const double* RESTRICT slices, double* RESTRICT sums, long slice_count, long count)) {
    FOR_EACH(j, count) {
        double sum = 0.0;
        for (long slice = 0; slice < slice_count; ++slice) {
            sum += slices[slice * count + j];
        }
        sums[j] = sum;
    }
}
#else
#define WIDTH 64
#define SLICE(columns) 0L
#define FOR_EACH_TILE(tile, columns) for (long tile = 0; tile < (columns); tile += WIDTH)
#define FOR_EACH_ROW_OF_TILE(row, rows, columns, slice_rows) \
    for (long row = 0, stop = (rows) < (slice_rows) ? (rows) : (slice_rows); row < stop; ++row)
#define FOR_EACH_OF_TILE(k, tile, columns) \
    _Pragma("GCC ivdep") for (long k = 0, end = (columns) - tile < WIDTH ? (columns) - tile : WIDTH; k < end; ++k)
#define WRITES_TILE true

INLINE void add_up(double*) {}
#endif

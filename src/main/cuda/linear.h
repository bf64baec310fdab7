// What surrounds the matrix products of a linear layer.
#pragma once
#include "row.h"

#ifdef LOCKSTEP_GPU

// A block sums a tile of 32 columns over a slice of slice_rows rows, each of its warps every so many rows of it; sums is
// [slices, columns]. With several slices the sums of the slices are summed in their turn. No atomics: each run adds in
// the same order.
template <typename T>
INLINE void sum_columns(const T* RESTRICT matrix, float* RESTRICT sums, long rows, long columns, long slice_rows,
                        int accumulate) {
    __shared__ float warp_sums[LANES][LANES];
    const int warps = blockDim.x / LANES;
    const int warp = threadIdx.x / LANES;
    const int lane = threadIdx.x % LANES;
    const long tiles = (columns + LANES - 1) / LANES;
    const long slice = blockIdx.x / tiles;
    const long column = blockIdx.x % tiles * LANES + lane;
    const long end = (slice + 1) * slice_rows < rows ? (slice + 1) * slice_rows : rows;
    float sum = 0.0f;
    if (column < columns) {
        for (long row = slice * slice_rows + warp; row < end; row += warps) {
            sum += matrix[row * columns + column];
        }
    }
    warp_sums[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && column < columns) {
        for (int other = 1; other < warps; ++other) {
            sum += warp_sums[other][lane];
        }
        float* const result = sums + slice * columns + column;
        *result = accumulate ? *result + sum : sum;
    }
}

KERNEL(column_sums, (const real* RESTRICT matrix, float* RESTRICT sums, long rows, long columns, long slice_rows,
                     int accumulate)) {
    sum_columns(matrix, sums, rows, columns, slice_rows, accumulate);
}

KERNEL(sum_slices, (const float* RESTRICT slices, float* RESTRICT sums, long rows, long columns, long slice_rows,
                    int accumulate)) {
    sum_columns(slices, sums, rows, columns, slice_rows, accumulate);
}

// matrix[row, :] += bias, where the product does not carry it.
KERNEL(add_bias, (real* RESTRICT matrix, const real* RESTRICT bias, long rows, long columns)) {
    FOR_EACH_ROW(row, rows) {
        FOR_EACH_IN_ROW(column, columns) {
            matrix[row * columns + column] = matrix[row * columns + column] + bias[column];
        }
    }
}

#else

// sums[column] (+)= sum over the rows of matrix[row, column], rows in order.
KERNEL(column_sums, (const float* RESTRICT matrix, float* RESTRICT sums, long rows, long columns, long stride,
                     int accumulate)) {
    FOR_EACH(column, columns) {
        sums[column] = (accumulate ? sums[column] : 0.0f) + matrix[column];
    }
    for (long row = 1; row < rows; ++row) {
        const float* RESTRICT matrix_row = matrix + row * stride;
        FOR_EACH(column, columns) {
            sums[column] += matrix_row[column];
        }
    }
}

#endif

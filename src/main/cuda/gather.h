// Batches gathered by index from a resident data set.
#pragma once
#include "kernel.h"

// destination[row, :] = source[indices[row], :] / divisor. The division, not a product with the reciprocal, gives the
// numbers of PyTorch's ToTensor.
KERNEL(gather_rows_u8, (const unsigned char* RESTRICT source, const int* RESTRICT indices,
                        real* RESTRICT destination, long rows, long columns, float divisor)) {
    FOR_EACH_ROW(row, rows) {
        const unsigned char* RESTRICT from = source + indices[row] * columns;
        real* RESTRICT to = destination + row * columns;
        FOR_EACH_IN_ROW(column, columns) {
            to[column] = (float) from[column] / divisor;
        }
    }
}

KERNEL(gather_rows_f32, (const float* RESTRICT source, const int* RESTRICT indices,
                         real* RESTRICT destination, long rows, long columns, float divisor)) {
    FOR_EACH_ROW(row, rows) {
        const float* RESTRICT from = source + indices[row] * columns;
        real* RESTRICT to = destination + row * columns;
        FOR_EACH_IN_ROW(column, columns) {
            to[column] = from[column] / divisor;
        }
    }
}

#ifdef COMPUTE_BFLOAT16
// The same for what is not to be rounded.
KERNEL(gather_rows_unrounded, (const float* RESTRICT source, const int* RESTRICT indices,
                               float* RESTRICT destination, long rows, long columns, float divisor)) {
    FOR_EACH_ROW(row, rows) {
        const float* RESTRICT from = source + indices[row] * columns;
        float* RESTRICT to = destination + row * columns;
        FOR_EACH_IN_ROW(column, columns) {
            to[column] = from[column] / divisor;
        }
    }
}
#endif

KERNEL(gather_labels, (const int* RESTRICT source, const int* RESTRICT indices, int* RESTRICT destination, long count)) {
    FOR_EACH(i, count) {
        destination[i] = source[indices[i]];
    }
}

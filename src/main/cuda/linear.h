// What surrounds the matrix products of a linear layer.
#pragma once
#include "kernel.h"

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

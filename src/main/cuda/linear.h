// What surrounds the matrix products of a linear layer.
#pragma once
#include "kernel.h"

// y[row, :] += bias
KERNEL(add_bias, (float* RESTRICT y, const float* RESTRICT bias, long rows, long columns)) {
    for (long row = 0; row < rows; ++row) {
        float* RESTRICT y_row = y + row * columns;
        FOR_EACH(column, columns) {
            y_row[column] += bias[column];
        }
    }
}

// y[row, :] = relu(y[row, :] + bias); NaN stays NaN.
KERNEL(add_bias_relu, (float* RESTRICT y, const float* RESTRICT bias, long rows, long columns)) {
    for (long row = 0; row < rows; ++row) {
        float* RESTRICT y_row = y + row * columns;
        FOR_EACH(column, columns) {
            const float value = y_row[column] + bias[column];
            y_row[column] = value < 0.0f ? 0.0f : value;
        }
    }
}

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

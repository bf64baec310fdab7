// The sum of squares of many elements, for their norm.
#pragma once
#include "row.h"

// block_sums[block] = sum of the squares that the block's threads come past; a thread's few are added as floats.
KERNEL(sum_of_squares, (const float* RESTRICT x, double* RESTRICT block_sums, long count)) {
    float sum = 0.0f;
    FOR_EACH(i, count) {
        sum += x[i] * x[i];
    }
    const double block_sum = row_sum((double) sum);
    if (threadIdx.x == 0) {
        block_sums[blockIdx.x] = block_sum;
    }
}

// By a single block.
KERNEL(sum_blocks, (const double* RESTRICT block_sums, double* RESTRICT result, long count)) {
    double sum = 0.0;
    FOR_EACH_IN_ROW(i, count) {
        sum += block_sums[i];
    }
    sum = row_sum(sum);
    if (threadIdx.x == 0) {
        *result = sum;
    }
}

// Clipping of gradients: the sum of squares of many elements, for their norm, and what follows from it.
#pragma once
#include "row.h"

// block_sums[block] = sum of the squares in a part of x, in double, where the square of a float is exact. Which elements
// are added in which order depends on their number alone, neither on threads nor on the width of vectors: all ranks come to
// the same bits.
#ifdef LOCKSTEP_GPU

KERNEL(sum_of_squares, (const float* RESTRICT x, double* RESTRICT block_sums, long count)) {
    double sum = 0.0;
    FOR_EACH(i, count) {
        sum += (double) x[i] * x[i];
    }
    sum = row_sum(sum);
    if (OWNS_IN_ROW(0)) {
        block_sums[blockIdx.x] = sum;
    }
}

#else

constexpr long SQUARES_BLOCK = 1 << 14;

KERNEL(sum_of_squares, (const float* RESTRICT x, double* RESTRICT block_sums, long count)) {
    constexpr long LANES = 32;
    for (long block = 0; block * SQUARES_BLOCK < count; ++block) {
        const float* RESTRICT const part = x + block * SQUARES_BLOCK;
        const long left = count - block * SQUARES_BLOCK;
        const long elements = left < SQUARES_BLOCK ? left : SQUARES_BLOCK;
        const long whole = elements / LANES * LANES;
        double lanes[LANES] = {};
        for (long i = 0; i < whole; i += LANES) {
            FOR_EACH(k, LANES) {
                lanes[k] += (double) part[i + k] * part[i + k];
            }
        }
        for (long i = whole; i < elements; ++i) {
            lanes[i - whole] += (double) part[i] * part[i];
        }
        double sum = 0.0;
        for (long k = 0; k < LANES; ++k) {
            sum += lanes[k];
        }
        block_sums[block] = sum;
    }
}

#endif

// By a single block.
KERNEL(sum_blocks, (const double* RESTRICT block_sums, double* RESTRICT result, long count)) {
    double sum = 0.0;
    FOR_EACH_IN_ROW(i, count) {
        sum += block_sums[i];
    }
    sum = row_sum(sum);
    if (OWNS_IN_ROW(0)) {
        *result = sum;
    }
}

// By a single block. coefficient[0] = what brings the norm, the root of the sum of sums, down to its maximum, at most 1. A
// norm that is not a number gives a coefficient that is none.
KERNEL(clip_coefficient, (const double* RESTRICT sums, double* RESTRICT coefficient, long count, double maximum_norm)) {
    double sum = 0.0;
    FOR_EACH_IN_ROW(i, count) {
        sum += sums[i];
    }
    sum = row_sum(sum);
    if (OWNS_IN_ROW(0)) {
        const double scale = maximum_norm / (sqrt(sum) + 1e-6);
        *coefficient = scale > 1.0 ? 1.0 : scale;
    }
}

// gradient *= coefficient, unless that is null; then each element is held within -limit ... limit, infinity for none. NaN
// stays NaN.
KERNEL(clip, (float* RESTRICT gradient, const double* RESTRICT coefficient, float limit, long count)) {
    const float scale = coefficient == nullptr ? 1.0f : (float) *coefficient;
    const bool unlimited = limit - limit != 0.0f;
    if (scale == 1.0f && unlimited) {
        return;
    }
    FOR_EACH_GROUP(i, count) {
        float g[GROUP];
        FOR_GROUP(k, i, count) {
            g[k] = scale * gradient[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            gradient[AT(i, k)] = g[k] > limit ? limit : g[k] < -limit ? -limit : g[k];
        }
    }
}

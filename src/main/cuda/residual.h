// What a residual block adds.
#pragma once
#include "kernel.h"

// y may be a or b.
KERNEL(add, (const real* a, const real* b, real* y, long count)) {
    FOR_EACH_GROUP(i, count) {
        float sum[GROUP];
        FOR_GROUP(k, i, count) {
            sum[k] = (float) a[AT(i, k)] + (float) b[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            y[AT(i, k)] = sum[k];
        }
    }
}

// Products element by element, as gates have them.
#pragma once
#include "kernel.h"

// y may be a or b.
KERNEL(multiply, (const real* a, const real* b, real* y, long count)) {
    FOR_EACH_GROUP(i, count) {
        float product[GROUP];
        FOR_GROUP(k, i, count) {
            product[k] = (float) a[AT(i, k)] * (float) b[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            y[AT(i, k)] = product[k];
        }
    }
}

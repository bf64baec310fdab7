// ReLU where the matrix products do not carry it themselves.
#pragma once
#include "kernel.h"

// NaN stays NaN, as in torch.relu. y may be x.
KERNEL(relu_forward, (const real* x, real* y, long count)) {
    FOR_EACH_GROUP(i, count) {
        float value[GROUP];
        FOR_GROUP(k, i, count) {
            value[k] = x[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            y[AT(i, k)] = value[k] < 0.0f ? 0.0f : value[k];
        }
    }
}

// x_gradient may be y_gradient.
KERNEL(relu_backward, (const real* RESTRICT y, const real* y_gradient, real* x_gradient, long count)) {
    FOR_EACH_GROUP(i, count) {
        float output[GROUP], gradient[GROUP];
        FOR_GROUP(k, i, count) {
            output[k] = y[AT(i, k)];
            gradient[k] = y_gradient[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            x_gradient[AT(i, k)] = output[k] > 0.0f ? gradient[k] : 0.0f;
        }
    }
}

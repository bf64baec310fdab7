// ReLU where the matrix products do not carry it themselves.
#pragma once
#include "kernel.h"

// NaN stays NaN, as in torch.relu.
KERNEL(relu_forward, (const real* x, real* y, long count)) {
    FOR_EACH(i, count) {
        y[i] = x[i] < 0.0f ? 0.0f : (float) x[i];
    }
}

// x_gradient may be y_gradient.
KERNEL(relu_backward, (const real* RESTRICT y, const real* y_gradient, real* x_gradient, long count)) {
    FOR_EACH(i, count) {
        x_gradient[i] = y[i] > 0.0f ? (float) y_gradient[i] : 0.0f;
    }
}

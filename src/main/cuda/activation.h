// Activations that the matrix products do not carry themselves.
#pragma once
#include "kernel.h"

// NaN stays NaN, as in torch.relu.
KERNEL(relu_forward, (const float* x, float* y, long count)) {
    FOR_EACH(i, count) {
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
    }
}

// x_gradient may be y_gradient.
KERNEL(relu_backward, (const float* RESTRICT y, const float* y_gradient, float* x_gradient, long count)) {
    FOR_EACH(i, count) {
        x_gradient[i] = y[i] > 0.0f ? y_gradient[i] : 0.0f;
    }
}

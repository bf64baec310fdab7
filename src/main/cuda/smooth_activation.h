// The smooth activations; the CPU backend has them from oneDNN. NaN stays NaN. In place works.
#pragma once
#include "kernel.h"

KERNEL(sigmoid_forward, (const real* x, real* y, long count)) {
    FOR_EACH(i, count) {
        y[i] = 1.0f / (1.0f + expf(-x[i]));
    }
}

KERNEL(sigmoid_backward, (const real* RESTRICT y, const real* y_gradient, real* x_gradient, long count)) {
    FOR_EACH(i, count) {
        const float s = y[i];
        x_gradient[i] = y_gradient[i] * (s * (1.0f - s));
    }
}

KERNEL(tanh_forward, (const real* x, real* y, long count)) {
    FOR_EACH(i, count) {
        y[i] = tanhf(x[i]);
    }
}

KERNEL(tanh_backward, (const real* RESTRICT y, const real* y_gradient, real* x_gradient, long count)) {
    FOR_EACH(i, count) {
        const float t = y[i];
        x_gradient[i] = y_gradient[i] * (1.0f - t * t);
    }
}

// The normal distribution function.
INLINE float normal_distribution(float x) {
    return 0.5f * (1.0f + erff(x * 0.70710678f));
}

KERNEL(gelu_forward, (const real* x, real* y, long count)) {
    FOR_EACH(i, count) {
        const float v = x[i];
        y[i] = v * normal_distribution(v);
    }
}

// From the input, not the output.
KERNEL(gelu_backward, (const real* RESTRICT x, const real* y_gradient, real* x_gradient, long count)) {
    FOR_EACH(i, count) {
        const float v = x[i];
        const float density = 0.39894228f * expf(-0.5f * v * v);
        x_gradient[i] = y_gradient[i] * (normal_distribution(v) + v * density);
    }
}

// Stochastic gradient descent in PyTorch's order of operations. The numbers (lr, weight decay, momentum, buffer factor,
// gradient factor: SgdHyperparameters.java) are read from memory, so that a schedule changes no launch. converted gets
// the new parameters as what the device computes in, unless it is null.
#pragma once
#include "kernel.h"

KERNEL(sgd, (float* RESTRICT p, const float* RESTRICT g, const float* RESTRICT hyperparameters,
             bfloat16* RESTRICT converted, long count)) {
    const float lr = hyperparameters[0], weight_decay = hyperparameters[1];
    FOR_EACH(i, count) {
        const float d = weight_decay == 0.0f ? g[i] : g[i] + weight_decay * p[i];
        p[i] -= lr * d;
        if (converted != nullptr) {
            converted[i] = p[i];
        }
    }
}

KERNEL(sgd_momentum, (float* RESTRICT p, const float* RESTRICT g, float* RESTRICT buffer,
                      const float* RESTRICT hyperparameters, bfloat16* RESTRICT converted, long count)) {
    const float lr = hyperparameters[0], weight_decay = hyperparameters[1];
    const float buffer_factor = hyperparameters[3], gradient_factor = hyperparameters[4];
    FOR_EACH(i, count) {
        const float d = weight_decay == 0.0f ? g[i] : g[i] + weight_decay * p[i];
        const float b = buffer_factor * buffer[i] + gradient_factor * d;
        buffer[i] = b;
        p[i] -= lr * b;
        if (converted != nullptr) {
            converted[i] = p[i];
        }
    }
}

KERNEL(sgd_nesterov, (float* RESTRICT p, const float* RESTRICT g, float* RESTRICT buffer,
                      const float* RESTRICT hyperparameters, bfloat16* RESTRICT converted, long count)) {
    const float lr = hyperparameters[0], weight_decay = hyperparameters[1], momentum = hyperparameters[2];
    const float buffer_factor = hyperparameters[3], gradient_factor = hyperparameters[4];
    FOR_EACH(i, count) {
        const float d = weight_decay == 0.0f ? g[i] : g[i] + weight_decay * p[i];
        const float b = buffer_factor * buffer[i] + gradient_factor * d;
        buffer[i] = b;
        p[i] -= lr * (d + momentum * b);
        if (converted != nullptr) {
            converted[i] = p[i];
        }
    }
}

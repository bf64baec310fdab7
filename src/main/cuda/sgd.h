// Stochastic gradient descent in PyTorch's order of operations. The numbers (lr, weight decay, momentum, buffer factor,
// gradient factor: SgdHyperparameters.java) are read from memory, so that a schedule changes no launch. converted gets
// the new parameters as what the device computes in, unless it is null.
#pragma once
#include "kernel.h"

KERNEL(sgd, (float* RESTRICT p, const float* RESTRICT g, const float* RESTRICT hyperparameters,
             bfloat16* RESTRICT converted, long count)) {
    const float lr = hyperparameters[0], weight_decay = hyperparameters[1];
    FOR_EACH_GROUP(i, count) {
        float parameter[GROUP], gradient[GROUP];
        FOR_GROUP(k, i, count) {
            parameter[k] = p[AT(i, k)];
            gradient[k] = g[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            const float d = weight_decay == 0.0f ? gradient[k] : gradient[k] + weight_decay * parameter[k];
            const float updated = parameter[k] - lr * d;
            p[AT(i, k)] = updated;
            if (converted != nullptr) {
                converted[AT(i, k)] = updated;
            }
        }
    }
}

KERNEL(sgd_momentum, (float* RESTRICT p, const float* RESTRICT g, float* RESTRICT buffer,
                      const float* RESTRICT hyperparameters, bfloat16* RESTRICT converted, long count)) {
    const float lr = hyperparameters[0], weight_decay = hyperparameters[1];
    const float buffer_factor = hyperparameters[3], gradient_factor = hyperparameters[4];
    FOR_EACH_GROUP(i, count) {
        float parameter[GROUP], gradient[GROUP], momentum_buffer[GROUP];
        FOR_GROUP(k, i, count) {
            parameter[k] = p[AT(i, k)];
            gradient[k] = g[AT(i, k)];
            momentum_buffer[k] = buffer[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            const float d = weight_decay == 0.0f ? gradient[k] : gradient[k] + weight_decay * parameter[k];
            const float b = buffer_factor * momentum_buffer[k] + gradient_factor * d;
            const float updated = parameter[k] - lr * b;
            buffer[AT(i, k)] = b;
            p[AT(i, k)] = updated;
            if (converted != nullptr) {
                converted[AT(i, k)] = updated;
            }
        }
    }
}

KERNEL(sgd_nesterov, (float* RESTRICT p, const float* RESTRICT g, float* RESTRICT buffer,
                      const float* RESTRICT hyperparameters, bfloat16* RESTRICT converted, long count)) {
    const float lr = hyperparameters[0], weight_decay = hyperparameters[1], momentum = hyperparameters[2];
    const float buffer_factor = hyperparameters[3], gradient_factor = hyperparameters[4];
    FOR_EACH_GROUP(i, count) {
        float parameter[GROUP], gradient[GROUP], momentum_buffer[GROUP];
        FOR_GROUP(k, i, count) {
            parameter[k] = p[AT(i, k)];
            gradient[k] = g[AT(i, k)];
            momentum_buffer[k] = buffer[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            const float d = weight_decay == 0.0f ? gradient[k] : gradient[k] + weight_decay * parameter[k];
            const float b = buffer_factor * momentum_buffer[k] + gradient_factor * d;
            const float updated = parameter[k] - lr * (d + momentum * b);
            buffer[AT(i, k)] = b;
            p[AT(i, k)] = updated;
            if (converted != nullptr) {
                converted[AT(i, k)] = updated;
            }
        }
    }
}

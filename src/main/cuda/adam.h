// Adam, and AdamW, in PyTorch's order of operations. The numbers (AdamHyperparameters.java: those of this step, with the
// bias corrections in them) are read from memory, so that neither a step nor a schedule changes a launch. average and
// square_average are exp_avg and exp_avg_sq. converted gets the new parameters as what the device computes in, unless it
// is null.
#pragma once
#include "kernel.h"

KERNEL(adam, (float* RESTRICT p, const float* RESTRICT g, float* RESTRICT average, float* RESTRICT square_average,
              const double* RESTRICT hyperparameters, bfloat16* RESTRICT converted, long count)) {
    const float step_size = (float) hyperparameters[0], average_factor = (float) hyperparameters[1];
    const float square_factor = (float) hyperparameters[2], square_gradient_factor = (float) hyperparameters[3];
    const float root_factor = (float) hyperparameters[4], eps = (float) hyperparameters[5];
    const float weight_decay = (float) hyperparameters[6], parameter_factor = (float) hyperparameters[7];
    FOR_EACH_GROUP(i, count) {
        float parameter[GROUP], gradient[GROUP], old_average[GROUP], old_square[GROUP];
        FOR_GROUP(k, i, count) {
            parameter[k] = p[AT(i, k)];
            gradient[k] = g[AT(i, k)];
            old_average[k] = average[AT(i, k)];
            old_square[k] = square_average[AT(i, k)];
        }
        FOR_GROUP(k, i, count) {
            const float d = weight_decay == 0.0f ? gradient[k] : gradient[k] + weight_decay * parameter[k];
            const float m = old_average[k] + average_factor * (d - old_average[k]);
            const float v = square_factor * old_square[k] + square_gradient_factor * d * d;
            const float updated = parameter_factor * parameter[k] - step_size * (m / (root_factor * sqrtf(v) + eps));
            average[AT(i, k)] = m;
            square_average[AT(i, k)] = v;
            p[AT(i, k)] = updated;
            if (converted != nullptr) {
                converted[AT(i, k)] = updated;
            }
        }
    }
}

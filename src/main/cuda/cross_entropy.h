// Softmax cross-entropy, a row (sample) at a time.
#pragma once
#include "kernel.h"

// losses[row] = log(sum(exp(logits))) - logits[label], with the row maximum taken off; correct[row] = 1 where the first
// of the largest logits is the label's; gradient[row, :] = (softmax - onehot) * factor unless gradient is null.
KERNEL(cross_entropy, (const float* RESTRICT logits, const int* RESTRICT labels, float* RESTRICT losses,
                       int* RESTRICT correct, float* RESTRICT gradient, long rows, long classes, float factor)) {
    FOR_EACH(row, rows) {
        const float* RESTRICT x = logits + row * classes;
        long largest = 0;
        for (long j = 1; j < classes; ++j) {
            // A NaN compares as the largest, as in torch.argmax.
            if (x[j] > x[largest] || (x[j] != x[j] && x[largest] == x[largest])) {
                largest = j;
            }
        }
        const float maximum = x[largest];
        const long label = labels[row];
        float sum = 0.0f;
        if (gradient == nullptr) {
            for (long j = 0; j < classes; ++j) {
                sum += expf(x[j] - maximum);
            }
        } else {
            float* RESTRICT g = gradient + row * classes;
            for (long j = 0; j < classes; ++j) {
                g[j] = expf(x[j] - maximum);
                sum += g[j];
            }
            const float scale = factor / sum;
            for (long j = 0; j < classes; ++j) {
                g[j] *= scale;
            }
            g[label] -= factor;
        }
        losses[row] = logf(sum) - (x[label] - maximum);
        correct[row] = largest == label ? 1 : 0;
    }
}

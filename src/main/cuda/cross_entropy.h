// Softmax cross-entropy, a row (sample) at a time.
#pragma once
#include "row.h"

// losses[row] = log(sum(exp(logits))) - (1 - smoothing) * logits[label] - smoothing * mean(logits), with the row maximum
// taken off; correct[row] = 1 where the first of the largest logits is the label's; gradient[row, :] =
// (softmax - (1 - smoothing) * onehot - smoothing / classes) * factor unless gradient is null.
INLINE void cross_entropy_rows(const real* RESTRICT logits, const int* RESTRICT labels, float* RESTRICT losses,
                               int* RESTRICT correct, real* RESTRICT gradient, long rows, long classes, float factor,
                               float smoothing) {
    const float certain = 1.0f - smoothing, spread = smoothing / classes;
    const float wanted = factor * certain, others = smoothing != 0.0f ? factor * spread : 0.0f;
    FOR_EACH_ROW(row, rows) {
        const real* RESTRICT x = logits + row * classes;
        long largest = FIRST_IN_ROW(classes);
        FOR_EACH_IN_ROW(j, classes) {
            if (EXCEEDS(x[j], x[largest])) {
                largest = j;
            }
        }
        largest = row_first_of_largest(x, largest);
        const float maximum = x[largest];
        const long label = labels[row];
        float sum = 0.0f;
        if (gradient == nullptr) {
            FOR_EACH_IN_ROW(j, classes) {
                sum += expf(x[j] - maximum);
            }
            sum = row_sum(sum);
        } else {
            // The exponentials wait in the gradient, unless its type would round them.
            const bool kept = sizeof(real) == sizeof(float);
            real* RESTRICT g = gradient + row * classes;
            FOR_EACH_IN_ROW(j, classes) {
                const float exponential = expf(x[j] - maximum);
                if (kept) {
                    g[j] = exponential;
                }
                sum += exponential;
            }
            sum = row_sum(sum);
            const float scale = factor / sum;
            FOR_EACH_IN_ROW(j, classes) {
                g[j] = (kept ? (float) g[j] : expf(x[j] - maximum)) * scale - others;
            }
            if (OWNS_IN_ROW(label)) {
                g[label] = (kept ? (float) g[label] : expf(x[label] - maximum) * scale - others) - wanted;
            }
        }
        float smoothed = 0.0f;
        if (smoothing != 0.0f) {
            double logits_sum = 0.0;
            FOR_EACH_IN_ROW(j, classes) {
                logits_sum += x[j] - maximum;
            }
            smoothed = certain * (x[label] - maximum) + (float) (row_sum(logits_sum) * spread);
        }
        if (OWNS_IN_ROW(0)) {
            losses[row] = logf(sum) - (smoothing != 0.0f ? smoothed : x[label] - maximum);
            correct[row] = largest == label ? 1 : 0;
        }
    }
}

// With a smoothing of 0, which the compiler knows: the arithmetic that it spares is a seventh of the time of ten classes.
KERNEL(cross_entropy, (const real* RESTRICT logits, const int* RESTRICT labels, float* RESTRICT losses,
                       int* RESTRICT correct, real* RESTRICT gradient, long rows, long classes, float factor)) {
    cross_entropy_rows(logits, labels, losses, correct, gradient, rows, classes, factor, 0.0f);
}

KERNEL(smoothed_cross_entropy, (const real* RESTRICT logits, const int* RESTRICT labels, float* RESTRICT losses,
                                int* RESTRICT correct, real* RESTRICT gradient, long rows, long classes, float factor,
                                float smoothing)) {
    cross_entropy_rows(logits, labels, losses, correct, gradient, rows, classes, factor, smoothing);
}

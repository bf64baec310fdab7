// Softmax cross-entropy, a row (sample) at a time, and its statistics.
#pragma once
#include "row.h"

// losses[row] = log(sum(exp(logits))) - logits[label], with the row maximum taken off; correct[row] = 1 where the first
// of the largest logits is the label's; gradient[row, :] = (softmax - onehot) * factor unless gradient is null.
KERNEL(cross_entropy, (const real* RESTRICT logits, const int* RESTRICT labels, float* RESTRICT losses,
                       int* RESTRICT correct, real* RESTRICT gradient, long rows, long classes, float factor)) {
    FOR_EACH_ROW(row, rows) {
        const real* RESTRICT x = logits + row * classes;
        long largest = FIRST_IN_ROW(classes);
        FOR_EACH_IN_ROW(j, classes) {
            if (exceeds(x[j], x[largest])) {
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
                g[j] = (kept ? (float) g[j] : expf(x[j] - maximum)) * scale;
            }
            if (OWNS_IN_ROW(label)) {
                g[label] = (kept ? (float) g[label] : expf(x[label] - maximum) * scale) - factor;
            }
        }
        if (OWNS_IN_ROW(0)) {
            losses[row] = logf(sum) - (x[label] - maximum);
            correct[row] = largest == label ? 1 : 0;
        }
    }
}

// statistics: LossStatistics.java. The rows are one row of the single block: the order of the sum hangs on nothing but
// their number.
KERNEL(loss_statistics, (const float* RESTRICT losses, const int* RESTRICT correct, double* RESTRICT statistics,
                         long rows)) {
    double sum = 0.0;
    double right = 0.0;
    FOR_EACH_IN_ROW(row, rows) {
        sum += losses[row];
        right += correct[row];
    }
    sum = row_sum(sum);
    right = row_sum(right);
    if (OWNS_IN_ROW(0)) {
        statistics[0] = sum / rows;
        statistics[1] += sum;
        statistics[2] += right;
        statistics[3] += rows;
        statistics[4] += 1.0;
        const bool finite = sum - sum == 0.0;
        if (!finite && statistics[5] == 0.0) {
            statistics[5] = statistics[4];
        }
    }
}

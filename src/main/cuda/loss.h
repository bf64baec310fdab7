// What the losses of single samples come to.
#pragma once
#include "row.h"

// statistics: LossStatistics.java; correct is null where the loss knows no such thing. The rows are one row of the single
// block: the order of the sum hangs on nothing but their number.
KERNEL(loss_statistics, (const float* RESTRICT losses, const int* RESTRICT correct, double* RESTRICT statistics,
                         long rows)) {
    double sum = 0.0;
    double right = 0.0;
    FOR_EACH_IN_ROW(row, rows) {
        sum += losses[row];
        right += correct == nullptr ? 0 : correct[row];
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

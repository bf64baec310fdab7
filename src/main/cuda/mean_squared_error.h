// Mean squared error, a row (sample) at a time.
#pragma once
#include "row.h"

// losses[row] = mean((outputs - targets)^2); gradient[row, :] = (outputs - targets) * factor unless gradient is null.
KERNEL(mean_squared_error, (const real* RESTRICT outputs, const float* RESTRICT targets, float* RESTRICT losses,
                            real* RESTRICT gradient, long rows, long columns, float factor)) {
    FOR_EACH_ROW(row, rows) {
        const real* RESTRICT y = outputs + row * columns;
        const float* RESTRICT t = targets + row * columns;
        double sum = 0.0;  // of long rows a float's would be off by more than its last digits
        FOR_EACH_IN_ROW(j, columns) {
            const float error = (float) y[j] - t[j];
            sum += error * error;
        }
        sum = row_sum(sum);
        if (gradient != nullptr) {
            real* RESTRICT g = gradient + row * columns;
            FOR_EACH_IN_ROW(j, columns) {
                g[j] = ((float) y[j] - t[j]) * factor;
            }
        }
        if (OWNS_IN_ROW(0)) {
            losses[row] = (float) (sum / columns);
        }
    }
}

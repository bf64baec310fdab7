// Each feature (column) normalised over the batch. The layouts of sums and statistics are those of LayerOperations.java.
#pragma once
#include "column.h"

KERNEL(batch_norm_sums, (const real* RESTRICT x, double* RESTRICT sums, double* RESTRICT squares, long rows, long columns,
                         long stride, long slice_rows, long slice_stride)) {
    FOR_EACH_TILE(tile, columns) {
        double sum[WIDTH] = {}, square[WIDTH] = {};
        FOR_EACH_ROW_OF_TILE(row, rows, columns, slice_rows) {
            const real* RESTRICT x_row = x + row * stride + tile;
            FOR_EACH_OF_TILE(k, tile, columns) {
                const double value = (float) x_row[k];
                sum[k] += value;
                square[k] += value * value;
            }
        }
        add_up(sum);
        add_up(square);
        if (WRITES_TILE) {
            const long at = SLICE(columns) * slice_stride + tile;
            FOR_EACH_OF_TILE(k, tile, columns) {
                sums[at + k] = sum[k];
                squares[at + k] = square[k];
            }
        }
    }
}

// sums[2 * features] = the batch that they are of.
KERNEL(batch_norm_count, (double* sums, long features, long rows)) {
    ONCE {
        sums[2 * features] = rows;
    }
}

KERNEL(batch_norm_statistics, (const double* RESTRICT sums, float* RESTRICT statistics, float* RESTRICT running_mean,
                               float* RESTRICT running_variance, long* RESTRICT batches, long features, double eps,
                               double momentum)) {
    const double count = sums[2 * features];
    FOR_EACH(j, features) {
        const double mean = sums[j] / count;
        const double difference = sums[features + j] / count - mean * mean;
        const double variance = difference < 0.0 ? 0.0 : difference;
        statistics[j] = mean;
        statistics[features + j] = 1.0 / sqrt(variance + eps);
        running_mean[j] = (1.0 - momentum) * running_mean[j] + momentum * mean;
        running_variance[j] = (1.0 - momentum) * running_variance[j] + momentum * (variance * (count / (count - 1.0)));
    }
    ONCE {
        *batches += 1;
    }
}

KERNEL(batch_norm_running_statistics, (const float* RESTRICT running_mean, const float* RESTRICT running_variance,
                                       float* RESTRICT statistics, long features, double eps)) {
    FOR_EACH(j, features) {
        statistics[j] = running_mean[j];
        statistics[features + j] = 1.0 / sqrt(running_variance[j] + eps);
    }
}

KERNEL(batch_norm_forward, (const real* RESTRICT x, const float* RESTRICT statistics, const float* RESTRICT weight,
                            const float* RESTRICT bias, real* RESTRICT y, long rows, long features)) {
    FOR_EACH_ROW(row, rows) {
        const real* RESTRICT from = x + row * features;
        real* RESTRICT to = y + row * features;
        FOR_EACH_IN_ROW(j, features) {
            to[j] = ((float) from[j] - statistics[j]) * statistics[features + j] * weight[j] + bias[j];
        }
    }
}

// The products are scaled at the end, when they are complete.
KERNEL(batch_norm_backward_sums, (const real* RESTRICT x, const real* RESTRICT y_gradient, const float* RESTRICT means,
                                  const float* RESTRICT scales, double* RESTRICT sums, double* RESTRICT products,
                                  long rows, long columns, long stride, long slice_rows, long slice_stride)) {
    FOR_EACH_TILE(tile, columns) {
        double sum[WIDTH] = {}, product[WIDTH] = {};
        FOR_EACH_ROW_OF_TILE(row, rows, columns, slice_rows) {
            const real* RESTRICT x_row = x + row * stride + tile;
            const real* RESTRICT gradient_row = y_gradient + row * stride + tile;
            FOR_EACH_OF_TILE(k, tile, columns) {
                const double gradient = (float) gradient_row[k];
                sum[k] += gradient;
                product[k] += gradient * ((float) x_row[k] - means[tile + k]);
            }
        }
        add_up(sum);
        add_up(product);
        if (WRITES_TILE) {
            const long at = SLICE(columns) * slice_stride + tile;
            FOR_EACH_OF_TILE(k, tile, columns) {
                sums[at + k] = sum[k];
                products[at + k] = product[k] * scales[tile + k];
            }
        }
    }
}

KERNEL(batch_norm_backward, (const real* RESTRICT x, const real* RESTRICT y_gradient, const float* RESTRICT statistics,
                             const float* RESTRICT weight, const double* RESTRICT forward_sums,
                             const double* RESTRICT backward_sums, real* RESTRICT x_gradient, long rows, long features)) {
    const float share = 1.0 / forward_sums[2 * features];
    FOR_EACH_ROW(row, rows) {
        const real* RESTRICT x_row = x + row * features;
        const real* RESTRICT gradient_row = y_gradient + row * features;
        real* RESTRICT to = x_gradient + row * features;
        FOR_EACH_IN_ROW(j, features) {
            const float scale = statistics[features + j];
            const float normalized = ((float) x_row[j] - statistics[j]) * scale;
            const float sum = backward_sums[j], product = backward_sums[features + j];
            to[j] = weight[j] * scale * ((float) gradient_row[j] - (sum + product * normalized) * share);
        }
    }
}

// Of both norms; sums and products are those of the whole batch.
KERNEL(norm_parameter_gradients, (const double* RESTRICT sums, float* RESTRICT weight_gradient,
                                  float* RESTRICT bias_gradient, long features, int accumulate)) {
    FOR_EACH(j, features) {
        const float sum = sums[j], product = sums[features + j];
        bias_gradient[j] = accumulate ? bias_gradient[j] + sum : sum;
        weight_gradient[j] = accumulate ? weight_gradient[j] + product : product;
    }
}

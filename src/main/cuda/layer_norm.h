// Each sample (row) normalised over its features. scales are reciprocal standard deviations.
#pragma once
#include "column.h"

KERNEL(layer_norm_forward, (const real* RESTRICT x, const float* RESTRICT weight, const float* RESTRICT bias,
                            real* RESTRICT y, float* RESTRICT means, float* RESTRICT scales, long rows, long features,
                            float eps)) {
    FOR_EACH_ROW(row, rows) {
        const real* RESTRICT from = x + row * features;
        real* RESTRICT to = y + row * features;
        float sum = 0.0f;
        SUM_IN_ROW(j, features, sum) {
            sum += from[j];
        }
        const float mean = row_sum(sum) / features;
        float squares = 0.0f;
        SUM_IN_ROW(j, features, squares) {
            const float difference = from[j] - mean;
            squares += difference * difference;
        }
        const float scale = 1.0f / sqrtf(row_sum(squares) / features + eps);
        FOR_EACH_IN_ROW(j, features) {
            to[j] = (from[j] - mean) * scale * weight[j] + bias[j];
        }
        if (OWNS_IN_ROW(0)) {
            means[row] = mean;
            scales[row] = scale;
        }
    }
}

KERNEL(layer_norm_backward, (const real* RESTRICT x, const real* RESTRICT y_gradient, const float* RESTRICT weight,
                             const float* RESTRICT means, const float* RESTRICT scales, real* RESTRICT x_gradient,
                             long rows, long features)) {
    FOR_EACH_ROW(row, rows) {
        const real* RESTRICT x_row = x + row * features;
        const real* RESTRICT gradient_row = y_gradient + row * features;
        real* RESTRICT to = x_gradient + row * features;
        const float mean = means[row], scale = scales[row];
        float sum = 0.0f, product = 0.0f;
        SUM_IN_ROW(j, features, sum, product) {
            const float gradient = gradient_row[j] * weight[j];
            sum += gradient;
            product += gradient * (x_row[j] - mean);
        }
        sum = row_sum(sum) / features;
        product = row_sum(product) / features * scale * scale;
        FOR_EACH_IN_ROW(j, features) {
            to[j] = scale * (gradient_row[j] * weight[j] - sum - product * (x_row[j] - mean));
        }
    }
}

KERNEL(layer_norm_backward_sums, (const real* RESTRICT x, const real* RESTRICT y_gradient, const float* RESTRICT means,
                                  const float* RESTRICT scales, double* RESTRICT sums, double* RESTRICT products,
                                  long rows, long columns, long stride, long slice_rows, long slice_stride)) {
    FOR_EACH_TILE(tile, columns) {
        double sum[WIDTH] = {}, product[WIDTH] = {};
        FOR_EACH_ROW_OF_TILE(row, rows, columns, slice_rows) {
            const real* RESTRICT x_row = x + row * stride + tile;
            const real* RESTRICT gradient_row = y_gradient + row * stride + tile;
            const float mean = means[row], scale = scales[row];
            FOR_EACH_OF_TILE(k, tile, columns) {
                const float gradient = gradient_row[k];
                sum[k] += gradient;
                product[k] += gradient * ((x_row[k] - mean) * scale);
            }
        }
        add_up(sum);
        add_up(product);
        if (WRITES_TILE) {
            const long at = SLICE(columns) * slice_stride + tile;
            FOR_EACH_OF_TILE(k, tile, columns) {
                sums[at + k] = sum[k];
                products[at + k] = product[k];
            }
        }
    }
}

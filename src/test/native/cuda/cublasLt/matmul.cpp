#include "matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace stand_in {
namespace {

float from_bf16(uint16_t bits) {
    uint32_t wide = (uint32_t) bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

// To the nearest, ties to even.
uint16_t to_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return std::isnan(value) ? 0x7FFF : (uint16_t) ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float to_tf32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (std::isfinite(value)) {
        bits = (bits + 0x1000) & ~0x1FFFu;
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

float load(const void* data, DataType type, int64_t index) {
    return type == R_32F ? ((const float*) data)[index] : from_bf16(((const uint16_t*) data)[index]);
}

void store(void* data, DataType type, int64_t index, float value) {
    if (type == R_32F) {
        ((float*) data)[index] = value;
    } else {
        ((uint16_t*) data)[index] = to_bf16(value);
    }
}

// The operand without gaps, transposed if `transpose`, column-major.
std::vector<float> packed(const Operand& operand, bool transpose, bool is_tf32) {
    std::vector<float> values((size_t) (operand.rows * operand.columns));
    for (int64_t column = 0; column < operand.columns; ++column) {
        for (int64_t row = 0; row < operand.rows; ++row) {
            float value = load(operand.data, operand.type, row + column * operand.leading_dimension);
            int64_t to = transpose ? column + row * operand.columns : row + column * operand.rows;
            values[(size_t) to] = is_tf32 ? to_tf32(value) : value;
        }
    }
    return values;
}

// sums[m, 4] = a[m, k] b[k, 4]
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
void multiply(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ sums, int64_t m,
              int64_t k) {
    constexpr int64_t ROWS = 256;  // as many sums as stay in the first cache
    for (int64_t first = 0; first < m; first += ROWS) {
        int64_t rows = std::min(ROWS, m - first);
        float* __restrict__ s0 = sums + first;
        float* __restrict__ s1 = s0 + m;
        float* __restrict__ s2 = s1 + m;
        float* __restrict__ s3 = s2 + m;
        for (int64_t j = 0; j < k; ++j) {
            const float* __restrict__ column = a + j * m + first;
            float b0 = b[j], b1 = b[j + k], b2 = b[j + 2 * k], b3 = b[j + 3 * k];
            for (int64_t i = 0; i < rows; ++i) {
                s0[i] += column[i] * b0;
                s1[i] += column[i] * b1;
                s2[i] += column[i] * b2;
                s3[i] += column[i] * b3;
            }
        }
    }
}

// op(a) op(b), column-major, with columns added up to a multiple of 4.
std::vector<float> product(const Matmul& matmul, const std::vector<float>& a, std::vector<float> b) {
    int64_t m = matmul.m(), k = matmul.k(), columns = (matmul.n() + 3) / 4 * 4;
    b.resize((size_t) (k * columns));
    std::vector<float> sums((size_t) (m * columns));
    for (int64_t column = 0; column < columns; column += 4) {
        multiply(a.data(), b.data() + column * k, sums.data() + column * m, m, k);
    }
    return sums;
}

bool mask_bit(const Matmul& matmul, int64_t row, int64_t column) {
    int64_t bit = row + column * matmul.mask_leading_dimension;
    return (matmul.mask[bit / 8] >> bit % 8 & 1) != 0;
}

void set_mask_bit(const Matmul& matmul, int64_t row, int64_t column, bool value) {
    int64_t bit = row + column * matmul.mask_leading_dimension;
    char one = (char) (1 << bit % 8);
    matmul.mask[bit / 8] = (char) (value ? matmul.mask[bit / 8] | one : matmul.mask[bit / 8] & ~one);
}

float epilogue(const Matmul& matmul, float value, int64_t row, int64_t column) {
    if (matmul.adds_bias()) {
        value += load(matmul.bias, matmul.d.type, row);
    }
    switch (matmul.epilogue) {
        case EPILOGUE_RELU:
        case EPILOGUE_RELU_BIAS:
        case EPILOGUE_RELU_AUX:
        case EPILOGUE_RELU_AUX_BIAS:
            if (matmul.writes_mask()) {
                set_mask_bit(matmul, row, column, value > 0.0f);
            }
            return value > 0.0f ? value : 0.0f;  // and a NaN is 0, as it may be on the GPU
        case EPILOGUE_DRELU:
        case EPILOGUE_DRELU_BGRAD:
            return mask_bit(matmul, row, column) ? value : 0.0f;
        default:
            return value;
    }
}

}  // namespace

void run_matmul(const Matmul& matmul) {
    // What an algorithm leaves in its workspace is nobody's business but its own.
    memset(matmul.workspace, 0xFF, matmul.workspace_bytes);
    std::vector<float> a = packed(matmul.a, matmul.transpose_a, matmul.is_tf32);
    std::vector<float> b = packed(matmul.b, matmul.transpose_b, matmul.is_tf32);
    std::vector<float> sums = product(matmul, a, b);
    int64_t m = matmul.m(), n = matmul.n(), k = matmul.k();
    std::vector<float> bias((size_t) matmul.bias_length());
    for (int64_t column = 0; column < n; ++column) {
        for (int64_t row = 0; row < m; ++row) {
            float value = matmul.alpha * sums[(size_t) (row + column * m)];
            if (matmul.beta != 0.0f) {
                value += matmul.beta * load(matmul.c.data, matmul.c.type, row + column * matmul.c.leading_dimension);
            }
            value = epilogue(matmul, value, row, column);
            store(matmul.d.data, matmul.d.type, row + column * matmul.d.leading_dimension, value);
            if (matmul.epilogue == EPILOGUE_DRELU_BGRAD) {
                bias[(size_t) row] += value;
            }
        }
    }
    if (matmul.epilogue == EPILOGUE_BGRADA) {
        for (int64_t i = 0; i < m * k; ++i) {
            bias[(size_t) (i % m)] += a[(size_t) i];
        }
    } else if (matmul.epilogue == EPILOGUE_BGRADB) {
        for (int64_t i = 0; i < k * n; ++i) {
            bias[(size_t) (i / k)] += b[(size_t) i];
        }
    }
    for (int64_t i = 0; matmul.writes_bias() && i < matmul.bias_length(); ++i) {
        store(matmul.bias, matmul.d.type, i, bias[(size_t) i]);
    }
}

}  // namespace stand_in

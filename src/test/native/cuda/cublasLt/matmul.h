// The arithmetic of cublasLtMatmul, on checked operands.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stand_in {

enum DataType { R_32F = 0, R_16BF = 14 };

enum Epilogue {
    EPILOGUE_DEFAULT = 1,
    EPILOGUE_RELU = 2,
    EPILOGUE_BIAS = 4,
    EPILOGUE_RELU_BIAS = 6,
    EPILOGUE_RELU_AUX = 130,
    EPILOGUE_RELU_AUX_BIAS = 134,
    EPILOGUE_DRELU = 136,
    EPILOGUE_DRELU_BGRAD = 152,
    EPILOGUE_BGRADA = 256,
    EPILOGUE_BGRADB = 512,
};

// Column-major: element (row, column) lies at row + column * leading_dimension.
struct Operand {
    void* data;
    DataType type;
    int64_t rows, columns, leading_dimension;

    // From the first element to the last.
    size_t bytes() const {
        return (size_t) ((columns - 1) * leading_dimension + rows) * (type == R_32F ? 4 : 2);
    }
};

struct Matmul {
    Operand a, b, c, d;
    bool transpose_a, transpose_b;
    bool is_tf32;  // products of inputs rounded to 10 bits of mantissa
    float alpha, beta;
    Epilogue epilogue;
    void* bias;    // of d's type
    char* mask;    // a bit for each element of d, mask_leading_dimension bits a column
    int64_t mask_leading_dimension;
    void* workspace;
    size_t workspace_bytes;

    int64_t m() const { return d.rows; }
    int64_t n() const { return d.columns; }
    int64_t k() const { return transpose_a ? a.rows : a.columns; }
    bool writes_mask() const { return epilogue == EPILOGUE_RELU_AUX || epilogue == EPILOGUE_RELU_AUX_BIAS; }
    bool reads_mask() const { return epilogue == EPILOGUE_DRELU || epilogue == EPILOGUE_DRELU_BGRAD; }
    bool adds_bias() const {
        return epilogue == EPILOGUE_BIAS || epilogue == EPILOGUE_RELU_BIAS || epilogue == EPILOGUE_RELU_AUX_BIAS;
    }
    bool writes_bias() const {
        return epilogue == EPILOGUE_DRELU_BGRAD || epilogue == EPILOGUE_BGRADA || epilogue == EPILOGUE_BGRADB;
    }
    bool uses_mask() const { return writes_mask() || reads_mask(); }
    bool uses_bias() const { return adds_bias() || writes_bias(); }
    int64_t bias_length() const { return epilogue == EPILOGUE_BGRADB ? n() : m(); }
};

void run_matmul(const Matmul& matmul);

}  // namespace stand_in

package dev.lockstep.device.cuda;

import org.bytedeco.cuda.global.cublas;

/** What cuBLASLt does to a product before it stores it. */
enum Epilogue {
    DEFAULT(cublas.CUBLASLT_EPILOGUE_DEFAULT, false, false),
    /** Adds a vector to each column. */
    BIAS(cublas.CUBLASLT_EPILOGUE_BIAS, true, false),
    /** ReLU, with a bit for each element that it let through. */
    RELU_AUX(cublas.CUBLASLT_EPILOGUE_RELU_AUX, false, true),
    RELU_AUX_BIAS(cublas.CUBLASLT_EPILOGUE_RELU_AUX_BIAS, true, true),
    /** Lets through what the bits say. */
    DRELU(cublas.CUBLASLT_EPILOGUE_DRELU, false, true),
    /** And sums each row of the result into a vector, of the result's type. */
    DRELU_BGRAD(cublas.CUBLASLT_EPILOGUE_DRELU_BGRAD, true, true);

    private final int value;
    private final boolean vector;
    private final boolean mask;

    Epilogue(int value, boolean vector, boolean mask) {
        this.value = value;
        this.vector = vector;
        this.mask = mask;
    }

    /** cublasLtEpilogue_t. */
    int value() {
        return value;
    }

    boolean hasVector() {
        return vector;
    }

    boolean hasMask() {
        return mask;
    }

    boolean writesVector() {
        return this == DRELU_BGRAD;
    }

    boolean writesMask() {
        return this == RELU_AUX || this == RELU_AUX_BIAS;
    }
}

package dev.lockstep.device.cuda.standin;

import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_BGRADA;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_BGRADB;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_BIAS;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_DEFAULT;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_DRELU;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_DRELU_BGRAD;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_RELU_AUX;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_RELU_AUX_BIAS;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_RELU_BIAS;
import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F;
import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F_FAST_TF32;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** cublasLtMatmul against a plain loop. Matrices are column-major: (row, column) at row + column * rows. */
@Timeout(60)
class MatmulOfStandInTest extends StandInContract {
    private static final int M = 7;
    private static final int N = 5;
    private static final int K = 300;
    private static final int MASK_BITS = 128;  // of a column of the mask

    private final Random random = new Random(5);
    private final float[] a = values(M * K);
    private final float[] b = values(K * N);
    private final float[] bias = values(M);

    @ParameterizedTest
    @CsvSource({"false,false", "false,true", "true,false", "true,true"})
    void shouldMultiplyTransposedAndAddToWhatIsThere(boolean transposeA, boolean transposeB) {
        float[] before = values(M * N);
        FloatPointer d = device(before);
        try (MatmulOfStandIn matmul = matmul(CUBLASLT_EPILOGUE_DEFAULT, transposeA, transposeB)) {
            run(matmul, transposeA ? transposed(a, M, K) : a, transposeB ? transposed(b, K, N) : b, d, 0.5f, 2);
        }
        float[] expected = product(a, b);
        for (int i = 0; i < expected.length; i++) {
            expected[i] = 0.5f * expected[i] + 2 * before[i];
        }
        assertArrayEquals(expected, values(d), 1e-4f);
    }

    @Test
    void shouldRunLaterOnItsStream() {
        FloatPointer d = device(M * N);
        CUstream_st stream = stream();
        try (MatmulOfStandIn matmul = matmul(CUBLASLT_EPILOGUE_DEFAULT, false, false)) {
            assertEquals("CUBLAS_STATUS_SUCCESS", matmul.run(1, device(a), device(b), 0, d, stream));
            assertTrue(Float.isNaN(values(d)[0]));
            synchronize(stream);
            assertArrayEquals(product(a, b), values(d), 1e-4f);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {CUBLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_RELU_BIAS, CUBLASLT_EPILOGUE_RELU_AUX_BIAS,
        CUBLASLT_EPILOGUE_RELU_AUX})
    void shouldAddTheBiasAndCutOffBelowZero(int epilogue) {
        float[] expected = product(a, b);
        boolean hasBias = epilogue != CUBLASLT_EPILOGUE_RELU_AUX;
        for (int i = 0; i < expected.length; i++) {
            expected[i] += hasBias ? bias[i % M] : 0;
            expected[i] = epilogue == CUBLASLT_EPILOGUE_BIAS ? expected[i] : Math.max(0, expected[i]);
        }
        FloatPointer d = device(M * N);
        try (MatmulOfStandIn matmul = matmul(epilogue, false, false)) {
            matmul.bias(hasBias ? device(bias) : null).mask(mask(), MASK_BITS);
            run(matmul, a, b, d, 1, 0);
        }
        assertArrayEquals(expected, values(d), 1e-4f);
    }

    @ParameterizedTest
    @ValueSource(ints = {CUBLASLT_EPILOGUE_DRELU, CUBLASLT_EPILOGUE_DRELU_BGRAD})
    void shouldMaskWithWhatReluLeft(int epilogue) {
        FloatPointer mask = mask();
        FloatPointer forward = device(M * N);
        FloatPointer backward = device(M * N);
        FloatPointer sums = device(M);
        float[] other = values(M * K);
        try (MatmulOfStandIn matmul = matmul(CUBLASLT_EPILOGUE_RELU_AUX, false, false)) {
            run(matmul.mask(mask, MASK_BITS), a, b, forward, 1, 0);
        }
        try (MatmulOfStandIn matmul = matmul(epilogue, false, false)) {
            run(matmul.mask(mask, MASK_BITS).bias(sums), other, b, backward, 1, 0);
        }
        float[] expected = product(other, b);
        float[] expectedSums = new float[M];
        float[] activations = values(forward);
        for (int i = 0; i < expected.length; i++) {
            expected[i] = activations[i] > 0 ? expected[i] : 0;
            expectedSums[i % M] += expected[i];
        }
        assertArrayEquals(expected, values(backward), 1e-4f);
        if (epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD) {
            assertArrayEquals(expectedSums, values(sums), 1e-3f);
        }
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void shouldSumTheRowsOfAOrTheColumnsOfB(boolean ofB) {
        float[] expected = new float[ofB ? N : M];
        for (int i = 0; i < (ofB ? K * N : M * K); i++) {
            expected[ofB ? i / K : i % M] += ofB ? b[i] : a[i];
        }
        FloatPointer sums = device(expected.length);
        FloatPointer d = device(M * N);
        try (MatmulOfStandIn matmul = matmul(ofB ? CUBLASLT_EPILOGUE_BGRADB : CUBLASLT_EPILOGUE_BGRADA, true, true)) {
            run(matmul.bias(sums), transposed(a, M, K), transposed(b, K, N), d, 1, 0);
        }
        assertArrayEquals(product(a, b), values(d), 1e-4f);
        assertArrayEquals(expected, values(sums), 1e-4f);
    }

    @Test
    void shouldRoundInputsToTenBitsOfMantissaInTf32() {
        FloatPointer d = device(1);
        FloatPointer x = device(1 + 1f / 512, 0);
        FloatPointer y = device(1 + 1f / 4096, 1);
        try (MatmulOfStandIn matmul = new MatmulOfStandIn(CUBLAS_COMPUTE_32F_FAST_TF32, cudart.CUDA_R_32F,
                cudart.CUDA_R_32F, 1, 1, 2, false, false, CUBLASLT_EPILOGUE_DEFAULT)) {
            CUstream_st stream = stream();
            matmul.choose(0, 16);
            assertEquals("CUBLAS_STATUS_SUCCESS", matmul.run(1, x, y, 0, d, stream));
            synchronize(stream);
        }
        assertEquals(1 + 1f / 512, values(d)[0]);
    }

    @ParameterizedTest
    @ValueSource(ints = {cudart.CUDA_R_32F, cudart.CUDA_R_16BF})
    void shouldMultiplyBfloat16(int resultType) {
        FloatPointer d = device(1);
        FloatPointer x = device(pair(1.5f, -2), 0);
        FloatPointer y = device(pair(1.0078125f, 3), 0);
        try (MatmulOfStandIn matmul = new MatmulOfStandIn(CUBLAS_COMPUTE_32F, cudart.CUDA_R_16BF, resultType, 1, 1, 2,
                false, false, CUBLASLT_EPILOGUE_DEFAULT)) {
            CUstream_st stream = stream();
            matmul.choose(0, 16);
            assertEquals("CUBLAS_STATUS_SUCCESS", matmul.run(1, x, y, 0, d, stream));
            synchronize(stream);
        }
        float exact = 1.5f * 1.0078125f - 6;
        float result = resultType == cudart.CUDA_R_32F ? values(d)[0]
                : Float.intBitsToFloat(Float.floatToRawIntBits(values(d)[0]) << 16);
        assertEquals(exact, result, resultType == cudart.CUDA_R_32F ? 0 : Math.abs(exact) / 256);
    }

    @Test
    void shouldOfferAlgorithmsWithinTheWorkspaceAndHoldThemToIt() {
        FloatPointer d = device(M * N);
        CUstream_st stream = stream();
        FloatPointer workspace = device(1 << 18);
        try (MatmulOfStandIn matmul = matmul(CUBLASLT_EPILOGUE_DEFAULT, false, false)) {
            assertEquals(1, matmul.choose(0, 16));
            assertEquals(2, matmul.choose(64 << 10, 16));
            assertEquals(3, matmul.choose(1 << 20, 16));
            assertEquals("CUBLAS_STATUS_INVALID_VALUE", matmul.run(1, device(a), device(b), 0, d, stream));
            matmul.workspace(workspace, 1 << 20);
            assertEquals("CUBLAS_STATUS_SUCCESS", matmul.run(1, device(a), device(b), 0, d, stream));
            synchronize(stream);
        }
        assertArrayEquals(product(a, b), values(d), 1e-4f);
    }

    @Test
    void shouldRefuseWhatTheLibraryRefuses() {
        FloatPointer d = device(M * N);
        CUstream_st stream = stream();
        try (MatmulOfStandIn matmul = matmul(CUBLASLT_EPILOGUE_DEFAULT, false, false)) {
            FloatPointer unaligned = new FloatPointer(device(M * K + 1)).getPointer(1);
            assertEquals("CUBLAS_STATUS_INVALID_VALUE", matmul.run(1, unaligned, device(b), 0, d, stream));
            assertEquals("CUBLAS_STATUS_INVALID_VALUE",
                    matmul.attribute(cublas.CUBLASLT_MATMUL_DESC_EPILOGUE, new ShortPointer(4)));
        }
        try (MatmulOfStandIn matmul = matmul(CUBLASLT_EPILOGUE_BIAS, false, false)) {
            assertEquals("CUBLAS_STATUS_INVALID_VALUE", matmul.run(1, device(a), device(b), 0, d, stream));
        }
        try (MatmulOfStandIn matmul = new MatmulOfStandIn(CUBLAS_COMPUTE_32F_FAST_TF32, cudart.CUDA_R_16BF,
                cudart.CUDA_R_16BF, M, N, K, false, false, CUBLASLT_EPILOGUE_DEFAULT)) {
            assertEquals(0, matmul.choose(0, 16));
        }
        try (MatmulOfStandIn matmul = new MatmulOfStandIn(CUBLAS_COMPUTE_32F, cudart.CUDA_R_32F, cudart.CUDA_R_32F, M,
                N, K, false, false, CUBLASLT_EPILOGUE_RELU_AUX).mask(mask(), 64)) {
            assertEquals(0, matmul.choose(0, 16));
        }
    }

    @Test
    void shouldFailWhereAnOperandLiesOutsideDeviceMemory() {
        CUstream_st stream = stream();
        try (MatmulOfStandIn matmul = matmul(CUBLASLT_EPILOGUE_DEFAULT, false, false)) {
            matmul.choose(0, 4);
            matmul.run(1, device(M * K - 1), device(b), 0, device(M * N), stream);
            assertError("cudaErrorIllegalAddress", cudart.cudaStreamSynchronize(stream));
        }
    }

    @Test
    void shouldMultiplyLargeMatricesQuickly() {
        int m = 256;
        int n = 512;
        int k = 512;
        CUstream_st stream = stream();
        FloatPointer d = device(m * n);
        FloatPointer x = device(values(m * k));
        FloatPointer y = device(values(k * n));
        try (MatmulOfStandIn matmul = new MatmulOfStandIn(CUBLAS_COMPUTE_32F, cudart.CUDA_R_32F, cudart.CUDA_R_32F, m,
                n, k, false, false, CUBLASLT_EPILOGUE_DEFAULT)) {
            matmul.choose(0, 16);
            long start = System.nanoTime();
            matmul.run(1, x, y, 0, d, stream);
            synchronize(stream);
            long milliseconds = (System.nanoTime() - start) / 1_000_000;
            assertTrue(milliseconds < 1000, () -> milliseconds + " ms");
        }
        assertNotEquals(Float.NaN, values(d)[m * n - 1]);
    }

    private void run(MatmulOfStandIn matmul, float[] x, float[] y, FloatPointer d, float alpha, float beta) {
        CUstream_st stream = stream();
        assertEquals("CUBLAS_STATUS_SUCCESS", matmul.run(alpha, device(x), device(y), beta, d, stream));
        synchronize(stream);
    }

    /** An fp32 matmul of this test's shape, with an algorithm that needs no workspace. */
    private static MatmulOfStandIn matmul(int epilogue, boolean transposeA, boolean transposeB) {
        MatmulOfStandIn matmul = new MatmulOfStandIn(CUBLAS_COMPUTE_32F, cudart.CUDA_R_32F, cudart.CUDA_R_32F, M, N, K,
                transposeA, transposeB, epilogue);
        matmul.mask(new Pointer(), MASK_BITS);
        assertEquals(1, matmul.choose(0, 16));
        return matmul;
    }

    private FloatPointer mask() {
        return device(N * MASK_BITS / Float.SIZE);
    }

    private float[] values(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return values;
    }

    /** Two bfloat16 in the bytes of a float. */
    private static float pair(float first, float second) {
        return Float.intBitsToFloat(
                Float.floatToRawIntBits(first) >>> 16 | Float.floatToRawIntBits(second) & 0xFFFF0000);
    }

    private static float[] product(float[] x, float[] y) {
        float[] product = new float[M * N];
        for (int row = 0; row < M; row++) {
            for (int column = 0; column < N; column++) {
                double sum = 0;
                for (int j = 0; j < K; j++) {
                    sum += (double) x[row + j * M] * y[j + column * K];
                }
                product[row + column * M] = (float) sum;
            }
        }
        return product;
    }

    private static float[] transposed(float[] matrix, int rows, int columns) {
        float[] transposed = new float[matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            transposed[i / rows + i % rows * columns] = matrix[i];
        }
        return transposed;
    }
}

package dev.lockstep.device.cuda.standin;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/** d[m, n] = epilogue(alpha * op(a)[m, k] * op(b)[k, n] + beta * d), column-major without gaps, by cuBLASLt. */
final class MatmulOfStandIn implements AutoCloseable {
    private final cublasLtContext handle = new cublasLtContext();
    private final cublasLtMatmulDescOpaque_t description;
    private final cublasLtMatrixLayoutOpaque_t a;
    private final cublasLtMatrixLayoutOpaque_t b;
    private final cublasLtMatrixLayoutOpaque_t d;
    private final cublasLtMatmulHeuristicResult_t results = new cublasLtMatmulHeuristicResult_t(4);
    private Pointer workspace;
    private long workspaceBytes;

    MatmulOfStandIn(int computeType, int inputType, int resultType, int m, int n, int k, boolean transposeA,
            boolean transposeB, int epilogue) {
        check(cublas.cublasLtCreate(handle));
        PointerPointer<Pointer> created = new PointerPointer<>(1);
        check(cublas.cublasLtMatmulDescCreate(created, computeType, cudart.CUDA_R_32F));
        description = new cublasLtMatmulDescOpaque_t(created.get(0));
        a = layout(inputType, transposeA ? k : m, transposeA ? m : k);
        b = layout(inputType, transposeB ? n : k, transposeB ? k : n);
        d = layout(resultType, m, n);
        set(cublas.CUBLASLT_MATMUL_DESC_TRANSA, new IntPointer(new int[] {transposeA ? 1 : 0}));
        set(cublas.CUBLASLT_MATMUL_DESC_TRANSB, new IntPointer(new int[] {transposeB ? 1 : 0}));
        set(cublas.CUBLASLT_MATMUL_DESC_EPILOGUE, new IntPointer(new int[] {epilogue}));
    }

    MatmulOfStandIn bias(Pointer bias) {
        set(cublas.CUBLASLT_MATMUL_DESC_BIAS_POINTER, new LongPointer(new long[] {bias == null ? 0 : bias.address()}));
        return this;
    }

    MatmulOfStandIn mask(Pointer mask, long leadingDimensionBits) {
        set(cublas.CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, new LongPointer(new long[] {mask.address()}));
        set(cublas.CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, new LongPointer(new long[] {leadingDimensionBits}));
        return this;
    }

    MatmulOfStandIn workspace(Pointer memory, long bytes) {
        workspace = memory;
        workspaceBytes = bytes;
        return this;
    }

    /** Takes the first algorithm that the heuristic offers; how many it offers, 0 if it refuses the matmul. */
    int choose(long maximumWorkspaceBytes, int alignmentBytes) {
        PointerPointer<Pointer> created = new PointerPointer<>(1);
        check(cublas.cublasLtMatmulPreferenceCreate(created));
        cublasLtMatmulPreferenceOpaque_t preference = new cublasLtMatmulPreferenceOpaque_t(created.get(0));
        check(cublas.cublasLtMatmulPreferenceSetAttribute(preference, cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                new LongPointer(new long[] {maximumWorkspaceBytes}), Long.BYTES));
        for (int operand = cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
                operand <= cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES; operand++) {
            check(cublas.cublasLtMatmulPreferenceSetAttribute(preference, operand,
                    new IntPointer(new int[] {alignmentBytes}), Integer.BYTES));
        }
        int[] count = new int[1];
        int status = cublas.cublasLtMatmulAlgoGetHeuristic(handle, description, a, b, d, d, preference, 4, results,
                count);
        assertEquals(count[0] > 0, status == cublas.CUBLAS_STATUS_SUCCESS);
        check(cublas.cublasLtMatmulPreferenceDestroy(preference));
        return count[0];
    }

    /** The status's name. */
    String run(float alpha, Pointer aData, Pointer bData, float beta, Pointer dData, CUstream_st stream) {
        return name(cublas.cublasLtMatmul(handle, description, new FloatPointer(alpha), aData, a, bData, b,
                new FloatPointer(beta), dData, d, dData, d, results.algo(), workspace, workspaceBytes, stream));
    }

    /** Sets an attribute, of the value's whole size; the status's name. */
    String attribute(int attribute, Pointer value) {
        return name(cublas.cublasLtMatmulDescSetAttribute(description, attribute, value,
                value.capacity() * value.sizeof()));
    }

    private void set(int attribute, Pointer value) {
        assertEquals("CUBLAS_STATUS_SUCCESS", attribute(attribute, value));
    }

    private static cublasLtMatrixLayoutOpaque_t layout(int type, int rows, int columns) {
        PointerPointer<Pointer> created = new PointerPointer<>(1);
        check(cublas.cublasLtMatrixLayoutCreate(created, type, rows, columns, rows));
        return new cublasLtMatrixLayoutOpaque_t(created.get(0));
    }

    private static void check(int status) {
        assertEquals("CUBLAS_STATUS_SUCCESS", name(status));
    }

    private static String name(int status) {
        return cublas.cublasLtGetStatusName(status).getString();
    }

    @Override
    public void close() {
        check(cublas.cublasLtMatrixLayoutDestroy(a));
        check(cublas.cublasLtMatrixLayoutDestroy(b));
        check(cublas.cublasLtMatrixLayoutDestroy(d));
        check(cublas.cublasLtMatmulDescDestroy(description));
        check(cublas.cublasLtDestroy(handle));
    }
}

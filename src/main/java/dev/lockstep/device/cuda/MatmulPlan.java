package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_BIAS_POINTER;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_EPILOGUE;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_TRANSA;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_TRANSB;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_N;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_T;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_INVALID_VALUE;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_NOT_SUPPORTED;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmul;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulAlgoGetHeuristic;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulDescCreate;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulDescDestroy;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulDescSetAttribute;
import static org.bytedeco.cuda.global.cublas.cublasLtMatrixLayoutCreate;
import static org.bytedeco.cuda.global.cublas.cublasLtMatrixLayoutDestroy;
import static org.bytedeco.cuda.global.cudart.CUDA_R_16BF;
import static org.bytedeco.cuda.global.cudart.CUDA_R_32F;

import dev.lockstep.device.DataType;
import dev.lockstep.device.cuda.Matmul.Factor;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/** A {@link Matmul} in cuBLASLt's own descriptors, made once. */
final class MatmulPlan implements AutoCloseable {
    private final cublasLtContext handle;
    private final Address workspace;
    private final long workspaceBytes;
    private final cublasLtMatmulDescOpaque_t description;
    private final cublasLtMatrixLayoutOpaque_t aLayout;
    private final cublasLtMatrixLayoutOpaque_t bLayout;
    private final cublasLtMatrixLayoutOpaque_t dLayout;
    private final Address a;
    private final Address b;
    private final Address d;
    private final FloatPointer one = new FloatPointer(1f);
    private final FloatPointer beta;

    /** @param computeType cublasComputeType_t */
    MatmulPlan(cublasLtContext handle, int computeType, Address workspace, long workspaceBytes, Matmul matmul) {
        this.handle = handle;
        this.workspace = workspace;
        this.workspaceBytes = workspaceBytes;
        description = description(computeType, matmul);
        aLayout = layout(matmul.a());
        bLayout = layout(matmul.b());
        dLayout = layout(matmul.d());
        a = new Address(matmul.a().address());
        b = new Address(matmul.b().address());
        d = new Address(matmul.d().address());
        beta = new FloatPointer(matmul.accumulate() ? 1f : 0f);
    }

    private static cublasLtMatmulDescOpaque_t description(int computeType, Matmul matmul) {
        PointerPointer<Pointer> made = new PointerPointer<>(1);
        CublasLt.check(cublasLtMatmulDescCreate(made, computeType, CUDA_R_32F), "cublasLtMatmulDescCreate");
        cublasLtMatmulDescOpaque_t description = new cublasLtMatmulDescOpaque_t(made.get());
        set(description, CUBLASLT_MATMUL_DESC_TRANSA, matmul.a().transposed() ? CUBLAS_OP_T : CUBLAS_OP_N);
        set(description, CUBLASLT_MATMUL_DESC_TRANSB, matmul.b().transposed() ? CUBLAS_OP_T : CUBLAS_OP_N);
        set(description, CUBLASLT_MATMUL_DESC_EPILOGUE, matmul.epilogue().value());
        if (matmul.epilogue().hasVector()) {
            set(description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, matmul.vector());
        }
        if (matmul.epilogue().hasMask()) {
            set(description, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, matmul.mask());
            set(description, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, Matmul.maskLeadingBits(matmul.d().rows()));
        }
        return description;
    }

    private static void set(cublasLtMatmulDescOpaque_t description, int attribute, int value) {
        try (IntPointer pointer = new IntPointer(new int[] {value})) {
            CublasLt.check(cublasLtMatmulDescSetAttribute(description, attribute, pointer, Integer.BYTES),
                    "cublasLtMatmulDescSetAttribute " + attribute);
        }
    }

    /** Addresses, too. */
    private static void set(cublasLtMatmulDescOpaque_t description, int attribute, long value) {
        try (LongPointer pointer = new LongPointer(new long[] {value})) {
            CublasLt.check(cublasLtMatmulDescSetAttribute(description, attribute, pointer, Long.BYTES),
                    "cublasLtMatmulDescSetAttribute " + attribute);
        }
    }

    private static cublasLtMatrixLayoutOpaque_t layout(Factor factor) {
        PointerPointer<Pointer> made = new PointerPointer<>(1);
        int type = factor.type() == DataType.BFLOAT16 ? CUDA_R_16BF : CUDA_R_32F;
        CublasLt.check(cublasLtMatrixLayoutCreate(made, type, factor.rows(), factor.columns(), factor.leading()),
                "cublasLtMatrixLayoutCreate");
        return new cublasLtMatrixLayoutOpaque_t(made.get());
    }

    /**
     * Fills {@code results} with what cuBLASLt proposes, the most promising first.
     *
     * @return how many; 0 where it cannot do this
     */
    int propose(cublasLtMatmulPreferenceOpaque_t preference, cublasLtMatmulHeuristicResult_t results, int most) {
        int[] count = new int[1];
        int status = cublasLtMatmulAlgoGetHeuristic(handle, description, aLayout, bLayout, dLayout, dLayout,
                preference, most, results, count);
        if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) {
            return 0;
        }
        CublasLt.check(status, "cublasLtMatmulAlgoGetHeuristic");
        return count[0];
    }

    /** @return cublasStatus_t */
    int run(cublasLtMatmulAlgo_t algorithm, CUstream_st stream) {
        return cublasLtMatmul(handle, description, one, a, aLayout, b, bLayout, beta, d, dLayout, d, dLayout,
                algorithm, workspace, workspaceBytes, stream);
    }

    @Override
    public void close() {
        cublasLtMatrixLayoutDestroy(aLayout);
        cublasLtMatrixLayoutDestroy(bLayout);
        cublasLtMatrixLayoutDestroy(dLayout);
        cublasLtMatmulDescDestroy(description);
    }
}

package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_SUCCESS;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmul;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulPreferenceCreate;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulPreferenceDestroy;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulPreferenceSetAttribute;
import static org.bytedeco.cuda.global.cudart.cudaEventCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaEventDefault;
import static org.bytedeco.cuda.global.cudart.cudaEventDestroy;
import static org.bytedeco.cuda.global.cudart.cudaEventElapsedTime;
import static org.bytedeco.cuda.global.cudart.cudaEventRecord;
import static org.bytedeco.cuda.global.cudart.cudaEventSynchronize;
import static org.bytedeco.cuda.global.cudart.cudaFree;
import static org.bytedeco.cuda.global.cudart.cudaGetLastError;
import static org.bytedeco.cuda.global.cudart.cudaMalloc;
import static org.bytedeco.cuda.global.cudart.cudaSuccess;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/**
 * Chooses the algorithm of each shape of product once: of those that cuBLASLt proposes, the first, unless another one
 * is clearly faster when both are run. All give the same bits in each run; two of them may round differently.
 */
final class MatmulAlgorithms {
    private static final int PROPOSALS = 8;
    private static final int TIMED_RUNS = 5;
    /** Of the time of the best before it that another must stay below: noise alone shall not change a choice. */
    private static final float CLEARLY_FASTER = 0.95f;

    private final CublasLt cublasLt;
    private final CudaStream stream;
    private final Map<Matmul, Optional<Choice>> choices = new HashMap<>();

    /** @param proposed the algorithm's place among those proposed, from 1 on */
    record Choice(cublasLtMatmulAlgo_t algorithm, int proposed) {
    }

    /** @param stream to time on; nothing else may run there meanwhile, nor use the workspace */
    MatmulAlgorithms(CublasLt cublasLt, CudaStream stream) {
        this.cublasLt = cublasLt;
        this.stream = stream;
    }

    /** Empty where cuBLASLt cannot do this. Writes to none of the matrices. */
    Optional<Choice> choose(Matmul matmul) {
        // No computeIfAbsent: it would hide which call failed behind a wrapper, should one throw.
        Matmul shape = matmul.shape();
        Optional<Choice> choice = choices.get(shape);
        if (choice == null) {
            choice = measure(matmul);
            choices.put(shape, choice);
        }
        return choice;
    }

    private Optional<Choice> measure(Matmul matmul) {
        try (MatmulPlan plan = cublasLt.plan(matmul);
                cublasLtMatmulHeuristicResult_t proposals = new cublasLtMatmulHeuristicResult_t(PROPOSALS)) {
            cublasLtMatmulPreferenceOpaque_t preference = preference(matmul);
            int count;
            try {
                count = plan.propose(preference, proposals, PROPOSALS);
            } finally {
                cublasLtMatmulPreferenceDestroy(preference);
            }
            if (count == 0) {
                return Optional.empty();
            }
            Address scratch = new Address(0);
            if (cudaMalloc(scratch, matmul.outputBytes()) != cudaSuccess) {
                // No memory to try them in; what the operation itself needs is there already.
                cudaGetLastError();
                return Optional.of(choice(proposals, 0));
            }
            try (MatmulPlan trial = cublasLt.plan(matmul.redirected(scratch.address()))) {
                Optional<Choice> fastest = fastest(trial, proposals, count);
                stream.synchronize();
                return fastest;
            } finally {
                cudaFree(scratch);
            }
        }
    }

    private Optional<Choice> fastest(MatmulPlan trial, cublasLtMatmulHeuristicResult_t proposals, int count) {
        Optional<Choice> best = Optional.empty();
        float bestMilliseconds = Float.POSITIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            Choice choice = choice(proposals, i);
            // The first run also shows whether it works here at all.
            if (trial.run(choice.algorithm, stream.handle()) != CUBLAS_STATUS_SUCCESS) {
                continue;
            }
            float milliseconds = count == 1 ? 0 : time(trial, choice.algorithm);
            if (milliseconds < CLEARLY_FASTER * bestMilliseconds) {
                best = Optional.of(choice);
                bestMilliseconds = milliseconds;
            }
        }
        return best;
    }

    /** Of a run; a few runs in a row. */
    private float time(MatmulPlan trial, cublasLtMatmulAlgo_t algorithm) {
        CUevent_st start = event();
        CUevent_st end = event();
        try {
            Cuda.check(cudaEventRecord(start, stream.handle()), "cudaEventRecord");
            for (int run = 0; run < TIMED_RUNS; run++) {
                CublasLt.check(trial.run(algorithm, stream.handle()), "cublasLtMatmul");
            }
            Cuda.check(cudaEventRecord(end, stream.handle()), "cudaEventRecord");
            Cuda.check(cudaEventSynchronize(end), "cudaEventSynchronize");
            float[] milliseconds = new float[1];
            Cuda.check(cudaEventElapsedTime(milliseconds, start, end), "cudaEventElapsedTime");
            return milliseconds[0] / TIMED_RUNS;
        } finally {
            cudaEventDestroy(start);
            cudaEventDestroy(end);
        }
    }

    private static CUevent_st event() {
        CUevent_st event = new CUevent_st();
        Cuda.check(cudaEventCreateWithFlags(event, cudaEventDefault), "cudaEventCreateWithFlags");
        return event;
    }

    /** A copy that outlives {@code proposals}. */
    private static Choice choice(cublasLtMatmulHeuristicResult_t proposals, int index) {
        cublasLtMatmulAlgo_t algorithm = new cublasLtMatmulAlgo_t();
        Pointer.memcpy(algorithm, proposals.getPointer(index).algo(), algorithm.sizeof());
        return new Choice(algorithm, index + 1);
    }

    private cublasLtMatmulPreferenceOpaque_t preference(Matmul matmul) {
        PointerPointer<Pointer> made = new PointerPointer<>(1);
        CublasLt.check(cublasLtMatmulPreferenceCreate(made), "cublasLtMatmulPreferenceCreate");
        cublasLtMatmulPreferenceOpaque_t preference = new cublasLtMatmulPreferenceOpaque_t(made.get());
        try (LongPointer bytes = new LongPointer(new long[] {CudaDevice.WORKSPACE_BYTES})) {
            CublasLt.check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                    bytes, Long.BYTES), "cublasLtMatmulPreferenceSetAttribute");
        }
        // Parts of a sum that was split are added up in one order, and not rounded to the output's type before.
        set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, Matmul.alignment(matmul.a().address()));
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, Matmul.alignment(matmul.b().address()));
        // There is no attribute for the vector: it is read as D is written, as many elements at once.
        long d = Math.min(Matmul.alignment(matmul.d().address()), Matmul.alignment(matmul.vector()));
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, d);
        set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, d);
        return preference;
    }

    private static void set(cublasLtMatmulPreferenceOpaque_t preference, int attribute, long value) {
        try (IntPointer pointer = new IntPointer(new int[] {(int) value})) {
            CublasLt.check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, pointer, Integer.BYTES),
                    "cublasLtMatmulPreferenceSetAttribute " + attribute);
        }
    }
}

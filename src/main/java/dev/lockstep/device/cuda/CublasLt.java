package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F;
import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F_FAST_TF32;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_SUCCESS;
import static org.bytedeco.cuda.global.cublas.cublasLtCreate;
import static org.bytedeco.cuda.global.cublas.cublasLtDestroy;
import static org.bytedeco.cuda.global.cublas.cublasLtGetStatusName;
import static org.bytedeco.cuda.global.cublas.cublasLtGetStatusString;
import static org.bytedeco.cuda.global.cudart.cudaGetLastError;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.cuda.MatmulAlgorithms.Choice;
import java.util.Optional;
import org.bytedeco.cuda.cublas.cublasLtContext;

/**
 * Matrix products on a device's compute stream. On no other: they share a workspace, in which two that ran at the same
 * time would write over each other.
 */
final class CublasLt {
    private final CudaDevice device;
    private final int computeType;
    private final cublasLtContext handle = new cublasLtContext();
    private final Address workspace;
    private final MatmulAlgorithms algorithms;

    CublasLt(CudaDevice device) {
        this.device = device;
        computeType = device.precision() == MatmulPrecision.TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
        workspace = new Address(CudaBuffer.address(device.allocate(DataType.UINT8, CudaDevice.WORKSPACE_BYTES)));
        check(cublasLtCreate(handle), "cublasLtCreate");
        device.onClose(() -> cublasLtDestroy(handle));
        algorithms = new MatmulAlgorithms(this, device.computeStream());
    }

    /** {@code matmul}, ready to run; empty where cuBLASLt has no algorithm for it. */
    Optional<Operation> prepare(Matmul matmul) {
        device.makeCurrent();
        return algorithms.choose(matmul).map(choice -> {
            MatmulPlan plan = plan(matmul);
            device.onClose(() -> {
                plan.close();
                return CUBLAS_STATUS_SUCCESS;
            });
            return new Prepared(this, plan, choice, "cublasLtMatmul of " + matmul);
        });
    }

    MatmulPlan plan(Matmul matmul) {
        return new MatmulPlan(handle, computeType, workspace, CudaDevice.WORKSPACE_BYTES, matmul);
    }

    /** @param status cublasStatus_t */
    static void check(int status, String call) {
        if (status != CUBLAS_STATUS_SUCCESS) {
            // CUDA's own error, where there is one, says more.
            Cuda.check(cudaGetLastError(), call);
            throw Cuda.failure(call + " failed with " + cublasLtGetStatusName(status).getString() + " (" + status
                    + "): " + cublasLtGetStatusString(status).getString());
        }
    }

    private record Prepared(CublasLt cublasLt, MatmulPlan plan, Choice choice, String call) implements Operation {
        @Override
        public void enqueue(Stream stream) {
            CudaStream compute = cublasLt.device.computeStream();
            if (stream != compute) {
                throw new IllegalArgumentException(call + " on another stream than the compute stream");
            }
            cublasLt.device.makeCurrent();
            check(plan.run(choice.algorithm(), compute.handle()), call);
        }

        @Override
        public String toString() {
            return call + ", algorithm " + choice.proposed();
        }
    }
}

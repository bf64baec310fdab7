package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaErrorMemoryAllocation;
import static org.bytedeco.cuda.global.cudart.cudaGetErrorName;
import static org.bytedeco.cuda.global.cudart.cudaGetErrorString;
import static org.bytedeco.cuda.global.cudart.cudaGetLastError;
import static org.bytedeco.cuda.global.cudart.cudaMemGetInfo;
import static org.bytedeco.cuda.global.cudart.cudaSetDevice;
import static org.bytedeco.cuda.global.cudart.cudaSuccess;

import java.util.Set;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.SizeTPointer;

/** What every call into CUDA has in common: the calling thread's GPU, and the check of what the call returned. */
final class Cuda {
    /** After these the GPU, or this process's part of it, answers every call with an error. */
    private static final Set<Integer> LOST = Set.of(cudart.cudaErrorDevicesUnavailable,
            cudart.cudaErrorECCUncorrectable, cudart.cudaErrorNvlinkUncorrectable, cudart.cudaErrorContained,
            cudart.cudaErrorIllegalAddress, cudart.cudaErrorLaunchTimeout, cudart.cudaErrorContextIsDestroyed,
            cudart.cudaErrorAssert, cudart.cudaErrorHardwareStackError, cudart.cudaErrorIllegalInstruction,
            cudart.cudaErrorMisalignedAddress, cudart.cudaErrorInvalidAddressSpace, cudart.cudaErrorInvalidPc,
            cudart.cudaErrorLaunchFailure, cudart.cudaErrorTensorMemoryLeak, cudart.cudaErrorMpsRpcFailure,
            cudart.cudaErrorMpsClientTerminated, cudart.cudaErrorExternalDevice, cudart.cudaErrorUnknown);

    /** CUDA remembers a GPU for each thread; this is the same, where it costs nothing to look. */
    private static final class Current {
        private int ordinal = -1;
        private String label = "CUDA";
    }

    private static final ThreadLocal<Current> CURRENT = ThreadLocal.withInitial(Current::new);

    private Cuda() {
    }

    /**
     * Has the calling thread's calls go to a GPU. Any thread's first call to CUDA must come after this: it would open
     * GPU 0 otherwise.
     *
     * @param label the GPU in messages
     */
    static void makeCurrent(int ordinal, String label) {
        Current current = CURRENT.get();
        if (current.ordinal != ordinal) {
            current.label = label;
            check(cudaSetDevice(ordinal), "cudaSetDevice");
            current.ordinal = ordinal;
        }
    }

    /**
     * @param status a cudaError_t, or a CUresult of the driver's own calls, whose numbers are the same
     * @param call   the function's name
     * @throws CudaException if it failed
     */
    static void check(int status, String call) {
        if (status != cudaSuccess) {
            throw failure(status, call);
        }
    }

    /** For calls about an amount of memory. */
    static void check(int status, String call, long bytes) {
        if (status != cudaSuccess) {
            throw failure(status, call + " of " + bytes + " bytes");
        }
    }

    private static CudaException failure(int status, String call) {
        // So that the next call does not report it again; errors that stay do so all the same.
        cudaGetLastError();
        String what = call + " failed with " + describe(status) + (status == cudaErrorMemoryAllocation ? left() : "");
        return LOST.contains(status)
                ? new CudaException(CURRENT.get().label + " is lost: " + what + "; this run cannot go on, start again"
                        + " from its last checkpoint, and see dmesg and nvidia-smi on that machine", what, true)
                : failure(what);
    }

    /** Of the calling thread's GPU; nothing where even that cannot be asked. */
    private static String left() {
        try (SizeTPointer free = new SizeTPointer(1); SizeTPointer total = new SizeTPointer(1)) {
            return cudaMemGetInfo(free, total) == cudaSuccess ? "; " + new CudaMemory(free.get(), total.get()) : "";
        }
    }

    /** Of a library above CUDA, whose statuses are its own: the calling thread's GPU, and {@code what} happened. */
    static CudaException failure(String what) {
        return new CudaException(CURRENT.get().label + ": " + what, what, false);
    }

    /** {@code "cudaErrorMemoryAllocation (2): out of memory"}. */
    static String describe(int status) {
        return text(cudaGetErrorName(status)) + " (" + status + "): " + text(cudaGetErrorString(status));
    }

    private static String text(BytePointer string) {
        return string == null || string.isNull() ? "an unknown error" : string.getString();
    }
}

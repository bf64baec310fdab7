package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

/** Opens the GPU that tests run on: a real one, or the stand-in that CUDA_HOME points to. */
public final class CudaDeviceOrSkip {
    private CudaDeviceOrSkip() {
    }

    /** A GPU in FP32, or none: then the test is skipped, unless CUDA_HOME promises one. */
    public static CudaDevice openOrSkip() {
        return openOrSkip(MatmulPrecision.FP32);
    }

    public static CudaDevice openOrSkip(MatmulPrecision precision) {
        probeOrSkip();
        return CudaDevices.open(0, precision);
    }

    static CudaDevices.Probe probeOrSkip() {
        CudaDevices.Probe probe = CudaDevices.probe();
        probe.problem().ifPresent(problem -> {
            if (System.getenv("CUDA_HOME") != null) {
                fail("CUDA_HOME is " + System.getenv("CUDA_HOME") + ", but " + problem);
            }
            abort(problem);
        });
        return probe;
    }
}

package dev.lockstep.device.cuda;

/** A CUDA call failed while running; its one-line message names the call, the GPU and CUDA's own reason. */
public final class CudaException extends RuntimeException {
    private final boolean deviceLost;

    CudaException(String message, boolean deviceLost) {
        super(message);
        this.deviceLost = deviceLost;
    }

    /** Whether every later call of this process on that GPU will fail, too. */
    public boolean isDeviceLost() {
        return deviceLost;
    }
}

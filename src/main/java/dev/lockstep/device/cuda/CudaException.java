package dev.lockstep.device.cuda;

/** A CUDA call failed while running; its one-line message names the GPU, the call and CUDA's own reason. */
public final class CudaException extends RuntimeException {
    private final String reason;
    private final boolean deviceLost;

    CudaException(String message, String reason, boolean deviceLost) {
        super(message);
        this.reason = reason;
        this.deviceLost = deviceLost;
    }

    /** The call and what CUDA says of it. */
    String reason() {
        return reason;
    }

    /** Whether every later call of this process on that GPU will fail, too. */
    public boolean isDeviceLost() {
        return deviceLost;
    }
}

package dev.lockstep.device.cuda;

/** What ties the times of CUDA's events to the host's. Used by the thread that enqueues on the compute stream. */
final class CudaClock {
    private final CudaStream stream;
    private final CudaTimestamp origin;
    private long originNanos;

    CudaClock(CudaStream stream, CudaTimestamp origin) {
        this.stream = stream;
        this.origin = origin;
    }

    /** Off by the time that the host takes to learn of an event, some microseconds. */
    void synchronize() {
        stream.synchronize();
        origin.record(stream);
        stream.synchronize();
        originNanos = System.nanoTime();
    }

    long nanosAt(CudaTimestamp timestamp) {
        return originNanos + Math.round(timestamp.millisecondsSince(origin) * 1e6);
    }
}

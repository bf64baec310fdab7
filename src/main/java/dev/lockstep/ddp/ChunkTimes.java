package dev.lockstep.ddp;

/**
 * When a chunk was where in the last step, in System.nanoTime. Written by the thread that is at work on it, and to be read
 * by the training thread once the step is done.
 */
public final class ChunkTimes {
    private final String name;
    private long readyNanos;
    private long takenNanos;
    private long writtenNanos;
    private long fetchedNanos;
    private long reducedNanos;
    private long storedNanos;

    ChunkTimes(String name) {
        this.name = name;
    }

    void markReady() {
        readyNanos = System.nanoTime();
    }

    void markTaken() {
        takenNanos = System.nanoTime();
        writtenNanos = takenNanos;
        fetchedNanos = takenNanos;
    }

    void markWritten() {
        writtenNanos = System.nanoTime();
    }

    void markFetched() {
        fetchedNanos = System.nanoTime();
    }

    void markReduced() {
        reducedNanos = System.nanoTime();
        storedNanos = reducedNanos;
    }

    void markStored() {
        storedNanos = System.nanoTime();
    }

    /** {@code "chunk 3 of bucket 1"}. */
    public String name() {
        return name;
    }

    /** What writes the chunk was enqueued; on a CPU it was written. */
    public long readyNanos() {
        return readyNanos;
    }

    /** The chunks before it were out of the way. */
    public long takenNanos() {
        return takenNanos;
    }

    /** The device had written it. The same as taken where the step was not timed, or the host reaches the gradients. */
    public long writtenNanos() {
        return writtenNanos;
    }

    /** It was in host memory, and the allreduce began. */
    public long fetchedNanos() {
        return fetchedNanos;
    }

    /** The allreduce was done. */
    public long reducedNanos() {
        return reducedNanos;
    }

    /** The sum was on the device, or, where the step was not timed, on its way there. */
    public long storedNanos() {
        return storedNanos;
    }

    /** Seconds that it took to copy and to sum, without the wait for the device; the wait for other ranks is in it. */
    public double communicationSeconds() {
        return (storedNanos - writtenNanos) * 1e-9;
    }
}

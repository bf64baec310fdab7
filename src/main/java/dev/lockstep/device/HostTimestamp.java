package dev.lockstep.device;

/** The host's time when it is recorded. Used by one thread. */
final class HostTimestamp implements Timestamp {
    private long nanos;

    @Override
    public void record(Stream stream) {
        nanos = System.nanoTime();
    }

    @Override
    public long nanos() {
        return nanos;
    }
}

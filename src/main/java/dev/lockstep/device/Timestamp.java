package dev.lockstep.device;

/** A point in a stream's work, with the time at which the device came to it. */
public interface Timestamp {
    /** Takes the time behind all that is enqueued on {@code stream} now; in a graph, each time that it runs. */
    void record(Stream stream);

    /** When the point was reached last, in nanoseconds of System.nanoTime. It must have been reached: nobody waits here. */
    long nanos();
}

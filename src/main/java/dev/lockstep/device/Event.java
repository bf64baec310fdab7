package dev.lockstep.device;

/** A point in a stream's work. */
public interface Event {
    /** Marks the point behind all that is enqueued on {@code stream} now. */
    void record(Stream stream);

    /** Blocks until the last recorded point is reached; returns at once if none was recorded. Callable by any thread. */
    void synchronize();
}

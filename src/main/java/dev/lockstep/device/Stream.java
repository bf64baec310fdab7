package dev.lockstep.device;

/** A queue of operations that the device executes in order. On a CPU an operation is done when enqueue returns. */
public interface Stream {
    /** Blocks until everything enqueued so far is done. */
    void synchronize();

    /** Work enqueued on this stream from now on starts after {@code event}'s last record is reached. */
    void waitFor(Event event);
}

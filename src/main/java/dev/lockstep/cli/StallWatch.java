package dev.lockstep.cli;

import dev.lockstep.comm.CommunicationException;
import dev.lockstep.comm.Communicator;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Ends the job when a collective does not end: a blocking MPI call returns to nobody when a peer has stopped or is
 * lost. A daemon thread that looks once in a while; it costs the training thread nothing.
 */
final class StallWatch {
    private static final long LONGEST_INTERVAL_NANOS = 1_000_000_000L;

    private final Communicator communicator;
    private final Duration timeout;
    private final Failure failure;
    private final Thread thread;
    private volatile boolean stopped;

    /** Starts watching. */
    StallWatch(Communicator communicator, Duration timeout, Failure failure) {
        this.communicator = communicator;
        this.timeout = timeout;
        this.failure = failure;
        thread = new Thread(this::watch, "lockstep-stall-watch");
        thread.setDaemon(true);
        thread.start();
    }

    private void watch() {
        long limitNanos = timeout.toNanos();
        while (!stopped) {
            LockSupport.parkNanos(Math.min(LONGEST_INTERVAL_NANOS, limitNanos / 4 + 1));
            String operation = communicator.runningLongerThan(limitNanos);
            if (operation != null && !stopped) {
                failure.end(new CommunicationException("waited more than " + timeout.toMillis() / 1000.0 + " s in "
                        + operation + ": another rank has stopped or is lost, or is slower than that; look at the"
                        + " other ranks, or raise timeout in the job file"));
            }
        }
    }

    void stop() {
        stopped = true;
        LockSupport.unpark(thread);
    }
}

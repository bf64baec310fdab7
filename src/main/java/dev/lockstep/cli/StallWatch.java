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

    private StallWatch() {
    }

    /** Watches from now on, until the process ends. */
    static void start(Communicator communicator, Duration timeout, Failure failure) {
        start(communicator, timeout, "timeout in the job file", failure);
    }

    /** @param setting where the user gave {@code timeout}, for the message */
    static void start(Communicator communicator, Duration timeout, String setting, Failure failure) {
        Thread thread = new Thread(() -> watch(communicator, timeout, setting, failure), "lockstep-stall-watch");
        thread.setDaemon(true);
        thread.start();
    }

    private static void watch(Communicator communicator, Duration timeout, String setting, Failure failure) {
        long limitNanos = timeout.toNanos();
        String operation = null;
        while (operation == null) {
            LockSupport.parkNanos(Math.min(LONGEST_INTERVAL_NANOS, limitNanos / 4 + 1));
            operation = communicator.runningLongerThan(limitNanos);
        }
        failure.end(new CommunicationException("waited more than " + timeout.toMillis() / 1000.0 + " s in " + operation
                + ": another rank has stopped or is lost, or is slower than that; look at the other ranks, or raise "
                + setting));
    }
}

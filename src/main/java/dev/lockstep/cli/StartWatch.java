package dev.lockstep.cli;

import dev.lockstep.comm.CommunicationException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Ends the job when its ranks do not come together. Until they watch each other over the channel, one that is stopped, in
 * MPI_Init or before, keeps the others waiting, and MPI tells nobody: a rank can only look at those on its own machine.
 */
final class StartWatch implements AutoCloseable {
    /** Of a job file that says nothing. */
    static final Duration TIMEOUT = Duration.ofSeconds(60);
    /** A machine under load may need longer than a job's timeout, if that is very short. */
    private static final Duration FOR_SLOW_RANKS = Duration.ofSeconds(30);
    /** For ranks beside the one that is stopped to say so, and for all to be ended then. */
    private static final Duration FOR_THOSE_WHO_KNOW = Duration.ofSeconds(4);

    private final CountDownLatch over = new CountDownLatch(1);

    /** @param onFailure called on a thread of its own; ends this process */
    StartWatch(Launch launch, Duration timeout, Consumer<Throwable> onFailure) {
        if (launch.size() == 1) {
            return;
        }
        Thread thread = new Thread(() -> watch(launch, timeout, onFailure), "lockstep-start-watch");
        thread.setDaemon(true);
        thread.start();
    }

    private void watch(Launch launch, Duration timeout, Consumer<Throwable> onFailure) {
        long startNanos = System.nanoTime();
        long longestNanos = Math.max(timeout.toNanos(), FOR_SLOW_RANKS.toNanos()) + FOR_THOSE_WHO_KNOW.toNanos();
        try {
            for (long limitNanos : new long[] {timeout.toNanos(), longestNanos}) {
                if (over.await(startNanos + limitNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                    return;
                }
                List<String> stopped = LocalRanks.stopped(launch, Path.of("/proc"));
                if (!stopped.isEmpty() || limitNanos == longestNanos) {
                    onFailure.accept(new CommunicationException(
                            message(System.nanoTime() - startNanos, stopped, launch.onOneMachine())));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String message(long nanos, List<String> stopped, boolean onOneMachine) {
        String elsewhere = onOneMachine ? "" : ", so one on another may be, or the network between them does not answer";
        String why = stopped.isEmpty() ? "none on this host is stopped" + elsewhere + "; if they are only slow, raise timeout"
                : String.join(" and ", stopped) + " on this host " + (stopped.size() == 1 ? "is" : "are") + " stopped";
        return String.format(Locale.ROOT, "after %.1f s not all ranks have started: %s", nanos * 1e-9, why);
    }

    /** All is well. */
    @Override
    public void close() {
        over.countDown();
    }
}

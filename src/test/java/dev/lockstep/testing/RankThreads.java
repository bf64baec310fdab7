package dev.lockstep.testing;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.ThreadRanks;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

/** Runs a test's body on ranks that are threads. */
public final class RankThreads {
    private static final int ABORTED = 1;

    private RankThreads() {}

    /** What each rank does. */
    @FunctionalInterface
    public interface Body {
        void run(Communicator communicator) throws Exception;
    }

    /**
     * Runs the body on each rank and closes the communicators. A rank that throws aborts the others.
     *
     * @throws AssertionError with the first failure as its cause and the rank in its message; or, when the limit is
     *                        over, with what each rank is doing
     */
    public static void run(int ranks, Duration limit, Body body) {
        List<Communicator> communicators = ThreadRanks.create(ranks);
        AtomicReference<AssertionError> firstFailure = new AtomicReference<>();
        CountDownLatch running = new CountDownLatch(ranks);
        List<Thread> threads = new ArrayList<>();
        for (Communicator communicator : communicators) {
            Thread thread = new Thread(
                    () -> {
                        try {
                            body.run(communicator);
                            communicator.close();
                        } catch (Throwable e) {
                            firstFailure.compareAndSet(
                                    null, new AssertionError("rank " + communicator.rank() + ": " + e.getMessage(), e));
                            communicator.abort(ABORTED);
                            communicator.close();
                        } finally {
                            running.countDown();
                        }
                    },
                    "rank-" + communicator.rank());
            thread.setDaemon(true);
            threads.add(thread);
        }
        threads.forEach(Thread::start);
        boolean ended = awaitUninterrupted(running, limit);
        AssertionError failure = firstFailure.get();
        if (!ended) {
            failure = new AssertionError(
                    "not done within " + limit.toMillis() + " ms: " + communicators.get(0) + threads.stream()
                            .filter(Thread::isAlive)
                            .map(RankThreads::stack)
                            .collect(Collectors.joining()),
                    failure);
        }
        if (failure != null) {
            communicators.get(0).abort(ABORTED);
            throw failure;
        }
    }

    private static boolean awaitUninterrupted(CountDownLatch running, Duration limit) {
        try {
            return running.await(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static String stack(Thread thread) {
        return Arrays.stream(thread.getStackTrace())
                .map(Objects::toString)
                .collect(Collectors.joining("\n\tat ", "\n" + thread.getName() + "\n\tat ", ""));
    }
}

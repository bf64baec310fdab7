package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.OutOfDeviceMemoryException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Ends the job when something fails: one rank prints one line, then all ranks are ended. Without this, an exception on
 * one rank would leave the others waiting in a collective for ever.
 */
final class Failure implements Thread.UncaughtExceptionHandler {
    static final int FAILED = 1;
    static final int INVALID_INPUT = 2;
    /** Not a failure: the run goes on when it is started again. */
    static final int STOPPED_ON_REQUEST = 75;

    /** Longer than mpirun needs to end the other ranks after one has aborted. */
    private static final Duration TO_BE_ENDED_BY_OTHERS = Duration.ofSeconds(4);
    /** For rank 0, on another machine, to say what all ranks have found. */
    private static final Duration FOR_RANK_0 = Duration.ofSeconds(1);

    private final Launch launch;
    private final boolean debug;
    private final PrintStream errors;
    private final AtomicBoolean ending = new AtomicBoolean();
    /** Null until there is one. Written by the main thread, read by whichever fails. */
    private volatile Communicator communicator;

    Failure(Launch launch, boolean debug, PrintStream errors) {
        this.launch = launch;
        this.debug = debug;
        this.errors = errors;
    }

    /**
     * Runs {@code body} with all ranks and closes the communicator after it. Where {@code body} throws, the job ends at
     * once: closing is collective and would wait for ranks that know of no failure.
     *
     * @return what {@code body} returns, an exit status
     */
    int withRanks(Program program, ToIntFunction<Communicator> body) {
        try {
            communicator = launch.openCommunicator(program);
            int status = body.applyAsInt(communicator);
            communicator.close();
            return status;
        } catch (Throwable failure) {
            return end(failure);
        }
    }

    @Override
    public void uncaughtException(Thread thread, Throwable failure) {
        end(failure);
    }

    /**
     * Ends this process and with it the job.
     *
     * @return never; for callers that must return something
     */
    int end(Throwable failure) {
        boolean invalidInput = failure instanceof InvalidInputException
                || failure instanceof OutOfDeviceMemoryException;
        int status = invalidInput ? INVALID_INPUT : FAILED;
        try {
            if (!ending.compareAndSet(false, true)) {
                // Another thread of this process is at it.
                pause(TO_BE_ENDED_BY_OTHERS);
            } else {
                report(failure, status);
                if (communicator != null) {
                    communicator.abort(status);
                }
            }
        } finally {
            Runtime.getRuntime().halt(status);
        }
        return status;
    }

    private void report(Throwable failure, int status) {
        boolean foundByAllRanks = status == INVALID_INPUT;
        if (foundByAllRanks && launch.rank() != 0 && !launch.onOneMachine()) {
            pause(FOR_RANK_0);
        }
        if (launch.size() == 1 || claim()) {
            errors.println(line(failure, launch.size(), launch.rank()));
            if (debug) {
                failure.printStackTrace(errors);
            }
            errors.flush();
        } else {
            // Ending now could cut off the rank that prints.
            pause(TO_BE_ENDED_BY_OTHERS);
        }
    }

    /** Whether this rank is the first of its machine to fail. */
    private boolean claim() {
        return FailureClaim.take(launch.failureClaimFile(),
                ProcessHandle.current().info().startInstant().orElseGet(Instant::now));
    }

    static String line(Throwable failure, int size, int rank) {
        String message = failure.getMessage() == null ? "" : failure.getMessage();
        boolean ownMessage = failure.getClass().getName().startsWith("dev.lockstep.") && !message.isBlank();
        String text = ownMessage ? message
                : failure.getClass().getSimpleName() + (message.isBlank() ? "" : ": " + message);
        String oneLine = text.lines().map(String::strip).filter(part -> !part.isEmpty())
                .collect(Collectors.joining("; "));
        boolean anyRank = failure instanceof InvalidInputException || size == 1;
        return "lockstep: error: " + (anyRank ? oneLine : withHost(oneLine, rank));
    }

    /** Messages that name the rank themselves get its host; others get both. */
    private static String withHost(String message, int rank) {
        String host = " on host " + Machine.hostName();
        Matcher ownRank = Pattern.compile("^rank " + rank + "( of [0-9]+)?(?=[,:])").matcher(message);
        return ownRank.find() ? ownRank.group() + host + message.substring(ownRank.end())
                : "rank " + rank + host + ": " + message;
    }

    private static void pause(Duration duration) {
        long end = System.nanoTime() + duration.toNanos();
        for (long left = duration.toNanos(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}

package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.CommunicationException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.channel.Channel;
import dev.lockstep.comm.channel.Progress;
import dev.lockstep.comm.channel.RankFailedException;
import dev.lockstep.device.OutOfDeviceMemoryException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToIntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
    private static final Duration TO_BE_ENDED_BY_OTHERS = Duration.ofSeconds(3);
    /** For rank 0, on another machine, to say what all ranks have found. */
    private static final Duration FOR_RANK_0 = Duration.ofSeconds(1);
    /** For rank 1, on another machine, to say that rank 0 has failed, and for mpirun to end all ranks then. */
    private static final Duration FOR_RANK_1 = Duration.ofSeconds(4);
    private static final Duration FOR_ANOTHER_THREAD = Duration.ofSeconds(6);
    /** A broken connection of MPI's tells less than the channel does a moment later. */
    private static final Duration FOR_THE_CHANNEL = Duration.ofMillis(700);
    private static final Duration FOR_RANK_0_TO_ANSWER = Duration.ofSeconds(1);

    private static final Duration FOR_MPIRUN_TO_PRINT = Duration.ofMillis(500);
    private static final Pattern LAUNCHER = Pattern.compile("/(mpirun|mpiexec|orterun|orted)(\\.[a-z]+)?$");
    /** Scripts may stand between. */
    private static final int LAUNCHER_ANCESTORS = 4;

    private final Launch launch;
    private final boolean debug;
    private final PrintStream errors;
    private final AtomicBoolean ending = new AtomicBoolean();
    /** Null until there is one. Written by the main thread, read by whichever fails. */
    private volatile Communicator communicator;
    /** Null until there is one. */
    private volatile Channel channel;
    /** The main thread's. */
    private StartWatch startWatch;
    private final Progress progress = new Progress();

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
        return withRanks(program, StartWatch.TIMEOUT, all -> {
            startWatch.close();
            return body.applyAsInt(all);
        });
    }

    /**
     * As above, for a {@code body} that has the ranks watch each other.
     *
     * @param timeout for all ranks to come so far
     */
    int withRanks(Program program, Duration timeout, ToIntFunction<Communicator> body) {
        try {
            startWatch = new StartWatch(launch, timeout, this::end);
            communicator = launch.openCommunicator(program);
            int status = body.applyAsInt(communicator);
            if (channel != null) {
                communicator.barrier();
            }
            communicator.close();
            if (channel != null) {
                // Not before: it tells of a rank that does not come to MPI's end.
                channel.close();
            }
            if (ending.get()) {
                pause(FOR_ANOTHER_THREAD);
            }
            return status;
        } catch (Throwable failure) {
            return end(failure);
        }
    }

    /** Where this rank's training is; to be told by whoever trains. */
    Progress progress() {
        return progress;
    }

    /** From now on the ranks of all machines agree on who prints. */
    void speakThrough(Channel newChannel) {
        channel = newChannel;
    }

    /** All ranks have come so far that they watch each other. */
    void ranksHaveStarted() {
        startWatch.close();
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
            if (failure instanceof CommunicationException && channel != null) {
                pause(FOR_THE_CHANNEL);
            }
            if (!ending.compareAndSet(false, true)) {
                pause(FOR_ANOTHER_THREAD);
            } else if (launch.size() == 1 || maySpeak(failure, status)) {
                report(failure);
                if (failure instanceof RankFailedException rankFailure && rankFailure.isHostLost()) {
                    endLauncher();
                }
                if (communicator != null) {
                    communicator.abort(status);
                }
            } else if (!isRank1sToTell(failure)) {
                // Ending now could cut off the rank that prints.
                pause(TO_BE_ENDED_BY_OTHERS);
            }
        } finally {
            Runtime.getRuntime().halt(status);
        }
        return status;
    }

    /**
     * Of what Open MPI has started on this machine: mpirun would wait for its daemon on the lost host, and a daemon for an mpirun
     * there, for many minutes, as their own TCP connections notice nothing. Killed, since after a request to stop mpirun 4.1
     * waits all the same. The ranks that are left end by themselves.
     */
    private static void endLauncher() {
        pause(FOR_MPIRUN_TO_PRINT);
        Stream.iterate(ProcessHandle.current().parent(), Optional::isPresent, process -> process.get().parent())
                .limit(LAUNCHER_ANCESTORS).flatMap(Optional::stream)
                .filter(process -> LAUNCHER.matcher(process.info().command().orElse("")).find()).findFirst()
                .ifPresent(ProcessHandle::destroyForcibly);
    }

    private void report(Throwable failure) {
        errors.println(line(failure, launch.size(), launch.rank(), progress.toString()));
        if (debug) {
            failure.printStackTrace(errors);
        }
        errors.flush();
    }

    /** Whether this rank is the first of the job to fail, as far as that can be known. */
    private boolean maySpeak(Throwable failure, int status) {
        if (isRank1sToTell(failure)) {
            pause(FOR_RANK_1);
        } else if (status == INVALID_INPUT && launch.rank() > 0 && !launch.onOneMachine()) {
            pause(FOR_RANK_0);
        }
        return claim() && (launch.onOneMachine() || channel == null || channel.claim(FOR_RANK_0_TO_ANSWER));
    }

    /** That rank 0 has failed, which the others find, too. On one machine the first can tell. */
    private boolean isRank1sToTell(Throwable failure) {
        return failure instanceof RankFailedException && launch.rank() > 1 && !launch.onOneMachine();
    }

    /** Whether this rank is the first of its machine to fail. */
    private boolean claim() {
        return FailureClaim.take(launch.failureClaimFile(),
                ProcessHandle.current().info().startInstant().orElseGet(Instant::now));
    }

    /** @param progress of this rank's training; empty before */
    static String line(Throwable failure, int size, int rank, String progress) {
        String message = failure.getMessage() == null ? "" : failure.getMessage();
        boolean ownMessage = failure.getClass().getName().startsWith("dev.lockstep.") && !message.isBlank();
        String text = ownMessage ? message
                : failure.getClass().getSimpleName() + (message.isBlank() ? "" : ": " + message);
        String oneLine = text.lines().map(String::strip).filter(part -> !part.isEmpty())
                .collect(Collectors.joining("; "));
        String said = failure instanceof InvalidInputException ? oneLine
                : failure instanceof RankFailedException ? oneLine + (progress.isEmpty() ? "" : "; go on with --resume")
                : withPlace(oneLine, size, rank, progress);
        return "lockstep: error: " + said;
    }

    /** Messages may name the rank and the step themselves; what they leave out is added. */
    private static String withPlace(String message, int size, int rank, String progress) {
        String host = size == 1 ? "" : " on host " + Machine.hostName();
        Matcher ownRank = Pattern.compile("^rank " + rank + "( of [0-9]+)?(?=[,:])").matcher(message);
        boolean named = ownRank.find();
        String who = named ? ownRank.group() + host : size == 1 ? "" : "rank " + rank + host;
        String what = named ? message.substring(ownRank.end()) : ": " + message;
        String where = Pattern.compile("^(rank [^:]*, )?epoch [0-9]").matcher(message).find() ? "" : progress;
        String place = who + (who.isEmpty() || where.isEmpty() ? "" : ", ") + where;
        return place.isEmpty() ? message : place + what;
    }

    private static void pause(Duration duration) {
        long end = System.nanoTime() + duration.toNanos();
        for (long left = duration.toNanos(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}

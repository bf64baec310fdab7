package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import java.time.Duration;
import java.util.concurrent.Semaphore;

/** A program for {@link FailureIT} whose ranks fail in the way that its first argument says. */
public final class FailingRank {
    private FailingRank() {
    }

    public static void main(String[] args) {
        Launch launch = Launch.of(System.getenv());
        Failure failure = new Failure(launch, false, System.err);
        Thread.setDefaultUncaughtExceptionHandler(failure);
        System.exit(failure.withRanks(Program.current(), communicator -> {
            RankWatch.start(communicator, Duration.ofSeconds(30), failure);
            return run(args[0], communicator);
        }));
    }

    private static int run(String way, Communicator communicator) {
        boolean last = communicator.rank() == communicator.size() - 1;
        switch (way) {
            case "all" -> throw new InvalidInputException("the same on all ranks");
            case "last" -> {
                if (last) {
                    throw new IllegalStateException("only here");
                }
            }
            case "thread" -> {
                if (last) {
                    new Thread(() -> {
                        throw new IllegalStateException("in a thread");
                    }).start();
                }
            }
            case "none" -> {
                return 0;
            }
            default -> throw new IllegalArgumentException(way);
        }
        // The last rank never reaches the barrier, so that the others hang in it until they are ended.
        if (last) {
            new Semaphore(0).acquireUninterruptibly();
        }
        communicator.barrier();
        return 0;
    }
}

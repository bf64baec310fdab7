package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.channel.Channel;
import java.time.Duration;

/**
 * Ends the job when a rank is killed, stopped or cut off, or keeps the others waiting: a blocking MPI call returns to nobody
 * then, and cannot know whom it waits for.
 */
final class RankWatch {
    private RankWatch() {
    }

    /** Watches from now on until {@link Failure#withRanks} has run its body. Collective. */
    static void start(Communicator communicator, Duration timeout, Failure failure) {
        if (communicator.size() == 1) {
            failure.ranksHaveStarted();
            return;
        }
        Channel channel = Agreement.onAllRanks(communicator, () -> Channel.open(communicator, Machine.hostName(),
                System.getenv(), timeout, failure.progress(), failure::end));
        channel.invite();
        failure.speakThrough(channel);
        Agreement.onAllRanks(communicator, () -> {
            channel.join();
            return channel;
        });
        failure.ranksHaveStarted();
    }
}

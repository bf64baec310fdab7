package dev.lockstep.comm.channel;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What both ends of the channel go by.
 *
 * @param rank      this one
 * @param hosts     of all ranks, by rank
 * @param timeout   of the job
 * @param own       this rank's state now; called by the channel's thread
 * @param onFailure called at most once, on a thread that may block
 */
record Settings(int rank, List<String> hosts, Duration timeout, Supplier<Heartbeat> own,
        Consumer<RankFailedException> onFailure) {
    private static final long LONGEST_BEAT_NANOS = 200_000_000L;
    /** A rank may be slow to start on a machine under load; also longer than one tries to reach an address in vain. */
    private static final long SHORTEST_JOINING_NANOS = 30_000_000_000L;
    /** A machine under load may not run a thread for longer than a job's timeout, if that is very short. */
    private static final long SHORTEST_SILENCE_NANOS = 1_000_000_000L;

    /** Between two heartbeats. */
    long beatNanos() {
        return Math.min(LONGEST_BEAT_NANOS, timeout.toNanos() / 4 + 1);
    }

    /** For which a rank may say nothing before it has joined, or rank 0 to one that is about to. */
    long joiningNanos() {
        return Math.max(SHORTEST_JOINING_NANOS, timeout.toNanos());
    }

    /** By rank 0, which hears all. */
    Diagnosis diagnosis() {
        return diagnosis(timeout.toNanos());
    }

    /** By others, which leave it to rank 0 to say who is awaited; and by rank 0 until all are there. */
    Diagnosis diagnosisOfConnections() {
        return diagnosis(Long.MAX_VALUE);
    }

    private Diagnosis diagnosis(long timeoutNanos) {
        long silenceNanos = Math.max(SHORTEST_SILENCE_NANOS, timeout.toNanos());
        return new Diagnosis(timeoutNanos, joiningNanos(), silenceNanos, beatNanos() + beatNanos() / 2);
    }

    /** As {@link #fail(Diagnosis.Finding)}, where this end itself does not work any more. */
    void fail(IOException e) {
        fail(new Diagnosis.Finding("rank " + rank + " on host " + hosts.get(rank) + ": the channel between the ranks failed: "
                + e, false));
    }

    /** Leaves the channel's thread free to go on. */
    void fail(Diagnosis.Finding finding) {
        Thread thread = new Thread(() -> onFailure.accept(new RankFailedException(finding.message(), finding.hostLost())), "lockstep-rank-failed");
        thread.setDaemon(true);
        thread.start();
    }
}

package dev.lockstep.comm.local;

import dev.lockstep.comm.CommunicationException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Where the ranks of a process meet, once for each collective. Nothing is allocated by a meeting that succeeds. */
final class Rendezvous {
    // All guarded by this; by rank, null for a rank that has not come yet.
    private final String[] operations;
    private final Object[] contributions;
    private final List<Object> contributionsByRank;
    private int arrivedCount;
    private long round;
    private String failure;

    Rendezvous(int ranks) {
        operations = new String[ranks];
        contributions = new Object[ranks];
        contributionsByRank = Arrays.asList(contributions);
    }

    /**
     * Blocks until all ranks have come with the same operation. The last one combines the contributions, writing the
     * result into each.
     *
     * @throws CommunicationException if a rank came with another operation, or {@link #fail} was called
     */
    @SuppressWarnings("unchecked") // equal operations come with contributions of one type
    synchronized <T> void meet(int rank, String operation, T contribution, Consumer<List<T>> combine) {
        throwIfFailed();
        operations[rank] = operation;
        contributions[rank] = contribution;
        if (++arrivedCount < operations.length) {
            long myRound = round;
            while (round == myRound) {
                throwIfFailed();
                waitForOthers(rank);
            }
            return;
        }
        for (String other : operations) {
            if (!other.equals(operation)) {
                fail("the ranks are out of step: " + this);
                throwIfFailed();
            }
        }
        combine.accept((List<T>) contributionsByRank);
        Arrays.fill(operations, null);
        arrivedCount = 0;
        round++;
        notifyAll();
    }

    /** Ends this and every later meeting with an exception; the first reason stays. */
    synchronized void fail(String reason) {
        if (failure == null) {
            failure = reason;
            notifyAll();
        }
    }

    synchronized boolean hasFailed() {
        return failure != null;
    }

    private void waitForOthers(int rank) {
        try {
            wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            fail("rank " + rank + " was interrupted");
        }
    }

    private void throwIfFailed() {
        if (failure != null) {
            throw new CommunicationException(failure);
        }
    }

    /** {@code "rank 0 is in barrier, rank 1 in no collective"}. */
    @Override
    public synchronized String toString() {
        return IntStream.range(0, operations.length)
                .mapToObj(rank -> "rank " + rank + " is in "
                        + (operations[rank] == null ? "no collective" : operations[rank]))
                .collect(Collectors.joining(", "));
    }
}

package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.LongSupplier;

/**
 * What to add to this rank's System.nanoTime to have rank 0's. Machines count from moments of their own, and a little faster
 * or slower than each other, so it is measured at two moments and taken in proportion between them.
 */
final class ClockOffset {
    private static final int ROUNDS = 8;

    private record Measured(long atNanos, long offsetNanos) {
    }

    private final Communicator communicator;
    private final LongSupplier nanoTime;
    private final Measured first;

    /** Collective. */
    ClockOffset(Communicator communicator, LongSupplier nanoTime) {
        this.communicator = communicator;
        this.nanoTime = nanoTime;
        first = measure();
    }

    /** From this rank's nanoTime to rank 0's. */
    @FunctionalInterface
    interface ToRank0 {
        long nanos(long ownNanos);
    }

    /** Measures once more. Collective. */
    ToRank0 toRank0() {
        Measured last = measure();
        double elapsed = Math.max(1, last.atNanos - first.atNanos);
        return nanos -> nanos + first.offsetNanos
                + Math.round((last.offsetNanos - first.offsetNanos) * ((nanos - first.atNanos) / elapsed));
    }

    /**
     * Rank 0 and each other rank tell each other the time in turn: a message cannot arrive before it is sent, so that the
     * fastest of either direction hold the offset between two bounds, and its middle is taken.
     */
    private Measured measure() {
        ByteBuffer message = ByteBuffer.allocateDirect(2 * Long.BYTES).order(ByteOrder.nativeOrder());
        long offset = 0;
        for (int peer = 1; peer < communicator.size(); peer++) {
            // Each in the receiver's time less the sender's.
            long toPeer = Long.MAX_VALUE;
            long toRank0 = Long.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                send(message, 0, toRank0);
                toPeer = Math.min(toPeer, nanoTime.getAsLong() - message.getLong(0));
                send(message, peer, toPeer);
                toRank0 = Math.min(toRank0, nanoTime.getAsLong() - message.getLong(0));
            }
            send(message, 0, toRank0);
            if (communicator.rank() == peer) {
                offset = between(-toPeer, message.getLong(Long.BYTES));
            }
        }
        return new Measured(nanoTime.getAsLong(), offset);
    }

    private void send(ByteBuffer message, int from, long bound) {
        message.putLong(0, nanoTime.getAsLong()).putLong(Long.BYTES, bound);
        communicator.broadcast(message, from);
    }

    /** The middle; but 0 where it is possible: ranks of one machine have one clock. */
    static long between(long low, long high) {
        return low <= 0 && high >= 0 ? 0 : low + (high - low) / 2;
    }
}

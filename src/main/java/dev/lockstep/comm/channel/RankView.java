package dev.lockstep.comm.channel;

/**
 * What is known of a rank.
 *
 * @param sinceNanos since its last sign of life; once its connection is closed, since that
 * @param beat       its last
 */
record RankView(int rank, String host, Link link, long sinceNanos, Heartbeat beat) {
    enum Link {
        /** This rank itself. */
        OWN,
        /** It has yet to connect. */
        AWAITED,
        CONNECTED,
        /** Without a word, or after what no rank sends. */
        CLOSED,
        /** It is done and well. */
        LEFT
    }

    /** {@code "rank 1 on host b, epoch 3, after step 40"}; before training without the last two. */
    String describe() {
        String progress = Progress.toString(beat.epoch(), beat.step());
        return "rank " + rank + " on host " + host + (progress.isEmpty() ? "" : ", " + progress);
    }

    boolean hasArrivedAt(long collective) {
        return beat.collective().number() >= collective;
    }

    boolean waitsIn(long collective) {
        return beat.collective().isInside() && beat.collective().number() == collective;
    }
}

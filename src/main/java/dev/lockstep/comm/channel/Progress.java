package dev.lockstep.comm.channel;

/** How far this rank's training is. Written by the training thread, which it costs next to nothing; read by any. */
public final class Progress {
    private volatile int epoch;
    private volatile long step;

    /**
     * @param epoch from 1 on
     * @param step  the last that is done, over all epochs
     */
    public void at(int epoch, long step) {
        this.step = step;
        this.epoch = epoch;
    }

    int epoch() {
        return epoch;
    }

    long step() {
        return step;
    }

    /** {@code "epoch 3, after step 40"}; empty before training. */
    @Override
    public String toString() {
        return toString(epoch, step);
    }

    static String toString(int epoch, long step) {
        return epoch == 0 ? "" : "epoch " + epoch + ", after step " + step;
    }
}

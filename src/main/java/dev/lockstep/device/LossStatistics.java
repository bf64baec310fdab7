package dev.lockstep.device;

/**
 * The layout of a FLOAT64 buffer of {@link #LENGTH} elements that a loss operation keeps. The sums go on until the
 * buffer is cleared.
 */
public final class LossStatistics {
    /** Mean loss of the last batch. */
    public static final int BATCH_MEAN = 0;
    /** Sum of the samples' losses. */
    public static final int LOSS_SUM = 1;
    /**
     * Samples whose largest logit is the label's; as in torch.argmax the first of equals counts, NaN being largest. Of
     * cross-entropy alone.
     */
    public static final int CORRECT = 2;
    /** Samples. */
    public static final int SAMPLES = 3;
    /** Batches. */
    public static final int BATCHES = 4;
    /** The first batch, counted from 1, whose mean was NaN or infinite; 0 where there was none. */
    public static final int FIRST_NOT_FINITE = 5;
    public static final int LENGTH = 6;

    private LossStatistics() {
    }
}

package dev.lockstep.device;

/**
 * The layout of the FLOAT64 buffer of {@link #LENGTH} elements that {@link Operations#adam} reads at every update, so
 * that neither a step nor a schedule changes an operation. In double, which devices that compute in float round when they
 * read it, for most of these change with every step and none of them is exact in float.
 */
public final class AdamHyperparameters {
    /** Learning rate / (1 − β1ᵗ) at step t, from 1 on. */
    public static final int STEP_SIZE = 0;
    /** 1 − β1: on what the gradient differs by from its running average. */
    public static final int AVERAGE_FACTOR = 1;
    /** β2: on the running average of squares. */
    public static final int SQUARE_FACTOR = 2;
    /** 1 − β2: on the gradient's square. */
    public static final int SQUARE_GRADIENT_FACTOR = 3;
    /** 1 / √(1 − β2ᵗ): on the root of the average of squares. */
    public static final int ROOT_FACTOR = 4;
    public static final int EPS = 5;
    /** Of the parameter, added to the gradient; 0 in AdamW. */
    public static final int WEIGHT_DECAY = 6;
    /** On the parameter before the step: 1 − learning rate · weight decay in AdamW, else 1. */
    public static final int PARAMETER_FACTOR = 7;
    public static final int LENGTH = 8;

    private AdamHyperparameters() {
    }
}

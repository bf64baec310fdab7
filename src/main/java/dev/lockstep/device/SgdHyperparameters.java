package dev.lockstep.device;

/**
 * The layout of the FLOAT32 buffer of {@link #LENGTH} elements that {@link Operations#sgd} reads at every update, so
 * that a schedule changes a number in memory and no operation.
 */
public final class SgdHyperparameters {
    public static final int LEARNING_RATE = 0;
    public static final int WEIGHT_DECAY = 1;
    /** Factor on the momentum buffer where nesterov looks ahead. */
    public static final int MOMENTUM = 2;
    /** Factor on the momentum buffer's old content: 0 at the first step, then the momentum. */
    public static final int BUFFER_FACTOR = 3;
    /** Factor on the gradient that goes into the momentum buffer: 1 at the first step, then 1 - dampening. */
    public static final int GRADIENT_FACTOR = 4;
    public static final int LENGTH = 5;

    private SgdHyperparameters() {
    }
}

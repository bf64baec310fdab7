package dev.lockstep.job;

/** The loss, a mean over the batch. */
public sealed interface LossConfig {

    /**
     * Softmax cross-entropy of classes.
     *
     * @param labelSmoothing share of the wanted distribution that is spread evenly over all classes, from 0 to 1
     */
    record CrossEntropy(double labelSmoothing) implements LossConfig {}

    /** Mean squared error of numbers. */
    record Mse() implements LossConfig {}
}

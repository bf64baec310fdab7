package dev.lockstep.nn;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;

/** What training minimises: a mean over the samples. Keeps running sums over the batches since the last {@link #reset}. */
public interface Loss {
    /**
     * The loss of {@code model}'s output against {@code targets}, and, where the model is bound for training, its
     * gradient.
     *
     * @param targets as the loss takes them, of the batch
     * @param samples of a rank in a step: this batch, and the others whose gradients are added to its own
     * @param ranks   the gradient is that of the mean over the steps of so many ranks, each as large: summed over them, and
     *                over a step's batches, it is their average
     */
    Operation bind(BoundModule model, DeviceBuffer targets, int samples, int ranks);

    /** The sums. */
    LossSums sums();

    /** Whether {@link #read} costs nothing, so that every step's loss can be looked at. */
    default boolean isHostAccessible() {
        return sums().isHostAccessible();
    }

    /** Clears the sums. */
    default void reset(Stream stream) {
        sums().clear(stream);
    }

    /**
     * Waits for the device and reads one of the {@link dev.lockstep.device.LossStatistics}; allocates nothing where the
     * host sees the device's memory.
     */
    default double read(Stream stream, int statistic) {
        return sums().read(stream, statistic);
    }
}

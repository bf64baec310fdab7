package dev.lockstep.train;

import java.nio.file.Path;
import java.util.function.DoubleSupplier;

/** Hears from the trainer on rank 0. The default of each method does nothing. */
public interface TrainingListener {
    /**
     * A step is done. Called at every step, so it must not allocate as long as it prints nothing.
     *
     * @param step        from 1 on, over all epochs
     * @param stepOfEpoch from 1 on
     * @param loss        of this rank's last micro-batch; asking for it may mean to wait for the device
     */
    default void stepDone(int epoch, long step, int stepOfEpoch, DoubleSupplier loss) {
    }

    /**
     * A step that is to be logged.
     *
     * @param loss         the mean over the global batch, before the update
     * @param learningRate that the update was made with, of the parameters that are in no group of their own
     */
    default void stepLogged(long step, double loss, double learningRate) {
    }

    /** The model was validated, after the step and before its checkpoint, if it has one. */
    default void validated(ValidationMetrics metrics) {
    }

    default void epochDone(EpochMetrics metrics) {
    }

    default void checkpointWritten(Path folder) {
    }

    default void trainingDone(TrainingSummary summary) {
    }
}

package dev.lockstep.job;

import java.util.Optional;

/**
 * How a model is validated while it is trained; an interval of 0 is off, but not both.
 *
 * @param monitor  the number that tells whether the model has become better
 * @param keepBest whether the checkpoint of the best validation is written, and stays
 */
public record ValidationConfig(int everyEpochs, long everySteps, Monitor monitor, Optional<EarlyStopping> earlyStopping,
        boolean keepBest) {
    /** Numbers of a validation. */
    public enum Monitor {
        LOSS,
        ACCURACY
    }

    /**
     * When training ends before its last epoch.
     *
     * @param patience validations in a row that are not better, at least 1
     * @param minDelta by more than which one has to be better, at least 0
     */
    public record EarlyStopping(int patience, double minDelta) {}
}

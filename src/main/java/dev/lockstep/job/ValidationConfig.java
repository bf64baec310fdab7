package dev.lockstep.job;

import java.util.Optional;

/**
 * How a model is validated while it is trained; an interval of 0 is off, but not both.
 *
 * @param monitor  the metric that tells whether the model has become better, one of the job's; empty: the loss
 * @param keepBest whether the checkpoint of the best validation is written, and stays
 */
public record ValidationConfig(int everyEpochs, long everySteps, Optional<MetricConfig> monitor,
        Optional<EarlyStopping> earlyStopping, boolean keepBest) {
    /** As a job file spells it: {@code loss}, {@code accuracy}, {@code top-5}. */
    public String monitorName() {
        return ValidationReader.spelling(monitor);
    }

    /**
     * When training ends before its last epoch.
     *
     * @param patience validations in a row that are not better, at least 1
     * @param minDelta by more than which one has to be better, at least 0
     */
    public record EarlyStopping(int patience, double minDelta) {}
}

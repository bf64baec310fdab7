package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.DatasetInfo;
import dev.lockstep.data.DatasetSource;
import dev.lockstep.job.Job;
import dev.lockstep.job.LossConfig;
import dev.lockstep.job.MetricConfig;

/** Holds a job's loss and metrics against its model and its data. Each check throws InvalidInputException. */
final class LossChecks {
    /** A matrix of more is nothing to look at; and a rank keeps it in its heap, 8 bytes a count. */
    private static final int MOST_CLASSES = 1000;

    private LossChecks() {
    }

    /** @param outputs of the model */
    static void checkMetrics(Job job, int outputs) {
        for (MetricConfig metric : job.metrics()) {
            if (metric instanceof MetricConfig.TopK top && top.k() > outputs) {
                throw new InvalidInputException("metrics: top-k: " + top.k() + " of a model with " + outputs
                        + (outputs == 1 ? " output" : " outputs") + "; k can be at most " + outputs);
            }
            if (metric instanceof MetricConfig.ConfusionMatrix && outputs > MOST_CLASSES) {
                throw new InvalidInputException("metrics: a confusion-matrix of " + outputs + " classes; it is kept for at"
                        + " most " + MOST_CLASSES + "; leave it out");
            }
        }
    }

    /** @param key {@code data.train}, say */
    static void checkTargets(Job job, String key, DatasetSource source, DatasetInfo info, int outputs) {
        if (job.loss() instanceof LossConfig.CrossEntropy) {
            if (info.outputs().isPresent()) {
                throw new InvalidInputException(key + ": the targets of " + source.description() + " are numbers, and loss"
                        + " cross-entropy needs labels of classes; set loss to mse, or use data with labels");
            }
            return;
        }
        int targets = info.outputs().orElseThrow(() -> new InvalidInputException(key + ": the targets of "
                + source.description() + " are labels of classes, and loss mse needs numbers; set loss to cross-entropy,"
                + " or use data with numbers to predict"));
        if (targets != outputs) {
            throw new InvalidInputException(key + ": " + source.description() + " has " + targets + (targets == 1
                    ? " number" : " numbers") + " to predict for each sample, but the model has " + outputs
                    + (outputs == 1 ? " output" : " outputs") + "; set the last linear layer's out to " + targets);
        }
    }
}

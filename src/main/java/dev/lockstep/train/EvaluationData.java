package dev.lockstep.train;

import dev.lockstep.data.Dataset;
import dev.lockstep.data.DatasetSource;
import dev.lockstep.device.Device;

/**
 * A data set to evaluate a model on, checked by its headers and not yet loaded.
 *
 * @param key            of the job file, for messages
 * @param featuresOnHost whether the features are too large for the device
 * @param outputs        of the model: labels are below it
 */
public record EvaluationData(String key, DatasetSource source, boolean featuresOnHost, int outputs) {
    /** @throws dev.lockstep.InvalidInputException as {@link TrainingData#load} */
    public Dataset load(Device device) {
        return TrainingData.load(key, source, outputs, device, featuresOnHost);
    }
}

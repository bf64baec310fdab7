package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.Dataset;
import dev.lockstep.data.DatasetSource;
import dev.lockstep.data.Targets;
import dev.lockstep.device.Device;
import java.util.Optional;

/**
 * A job's data, checked by its headers and not yet loaded.
 *
 * @param featuresOnHost whether the features are too large for the device
 * @param deviceBytes    what a rank is expected to take of its device's memory, in all
 * @param outputs        of the model: labels are below it
 */
public record TrainingData(DatasetSource train, Optional<DatasetSource> test, Optional<DatasetSource> validation,
        boolean featuresOnHost, long deviceBytes, int outputs) {
    /** The splits where the device reads them. */
    public record Loaded(Dataset train, Optional<Dataset> test, Optional<Dataset> validation) {
    }

    /** @throws InvalidInputException if the files are damaged or hold labels that the model has no output for */
    public Loaded load(Device device) {
        return new Loaded(load("data.train", train, outputs, device, featuresOnHost),
                test.map(source -> load("data.test", source, outputs, device, featuresOnHost)),
                validation.map(source -> load("data.validation", source, outputs, device, featuresOnHost)));
    }

    static Dataset load(String key, DatasetSource source, int outputs, Device device, boolean featuresOnHost) {
        Dataset dataset = source.load(device, featuresOnHost);
        if (dataset.targets() instanceof Targets.Labels labels && labels.largest() >= outputs) {
            throw new InvalidInputException(key + ": sample " + labels.largestSample() + " of "
                    + source.description() + " has label " + labels.largest() + ", but the model has "
                    + outputs + " outputs (0 to " + (outputs - 1) + "); set the last linear layer's out to at least "
                    + (labels.largest() + 1));
        }
        return dataset;
    }
}

package dev.lockstep.data;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;

/**
 * A data set in device memory, in its own type.
 *
 * @param description    for messages
 * @param featuresOnHost whether the features lie on the host's side of the bus
 * @param features       [samples, features], UINT8 or FLOAT32
 * @param targets        of as many samples
 * @param divisor        by which features are divided when they are gathered: 255 for bytes, as torchvision's ToTensor
 *                       does, 1 for floats
 */
public record Dataset(String description, boolean featuresOnHost, Matrix features, Targets targets, float divisor) {
    public Dataset {
        if (targets.samples() != features.rows()) {
            throw new IllegalArgumentException("targets of " + targets.samples() + " samples for features of " + features);
        }
    }

    /** Memory for features, on either side of the bus. */
    static Matrix allocateFeatures(Device device, boolean onHost, DataType type, int samples, int features) {
        long elements = (long) samples * features;
        return new Matrix(onHost ? device.allocateOnHost(type, elements) : device.allocate(type, elements), samples,
                features);
    }

    public int samples() {
        return features.rows();
    }
}

package dev.lockstep.data;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;

/**
 * A data set in device memory, in its own type.
 *
 * @param description        for messages
 * @param featuresOnHost     whether the features lie on the host's side of the bus
 * @param features           [samples, features], UINT8 or FLOAT32
 * @param labels             INT32 [samples], none below 0
 * @param divisor            by which features are divided when they are gathered: 255 for bytes, as torchvision's ToTensor
 *                           does, 1 for floats
 * @param largestLabel       of all labels
 * @param largestLabelSample the first sample that has it
 */
public record Dataset(String description, boolean featuresOnHost, Matrix features, DeviceBuffer labels, float divisor,
        int largestLabel, int largestLabelSample) {
    public Dataset {
        if (labels.elementCount() != features.rows()) {
            throw new IllegalArgumentException(labels.elementCount() + " labels for features of " + features);
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

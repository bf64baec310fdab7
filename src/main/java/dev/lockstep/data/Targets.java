package dev.lockstep.data;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;

/** What a model is to give for each sample of a data set, in device memory. */
public sealed interface Targets {
    int samples();

    /** All of them, sample after sample. */
    DeviceBuffer data();

    /**
     * Classes.
     *
     * @param data          INT32 [samples], none below 0
     * @param largest       of all labels
     * @param largestSample the first sample that has it
     */
    record Labels(DeviceBuffer data, int largest, int largestSample) implements Targets {
        @Override
        public int samples() {
            return Math.toIntExact(data.elementCount());
        }
    }

    /** Numbers: FLOAT32 [samples, outputs]. */
    record Values(Matrix matrix) implements Targets {
        @Override
        public int samples() {
            return matrix.rows();
        }

        @Override
        public DeviceBuffer data() {
            return matrix.data();
        }
    }
}

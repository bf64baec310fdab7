package dev.lockstep.train;

import dev.lockstep.device.Device;
import dev.lockstep.job.LossConfig;
import dev.lockstep.nn.CrossEntropyLoss;
import dev.lockstep.nn.Loss;
import dev.lockstep.nn.MseLoss;

/** Builds the loss that a job file describes. */
final class Losses {
    private Losses() {
    }

    static Loss build(LossConfig config, Device device) {
        if (config instanceof LossConfig.CrossEntropy crossEntropy) {
            return new CrossEntropyLoss(device, crossEntropy.labelSmoothing());
        }
        if (config instanceof LossConfig.Mse) {
            return new MseLoss(device);
        }
        throw new IllegalStateException("a loss without an implementation: " + config);
    }
}

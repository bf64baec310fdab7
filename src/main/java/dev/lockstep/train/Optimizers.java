package dev.lockstep.train;

import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.job.OptimizerConfig;
import dev.lockstep.optim.Adam;
import dev.lockstep.optim.AdamSettings;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.Sgd;
import dev.lockstep.optim.SgdSettings;
import dev.lockstep.tensor.ParameterArena;

/** Builds the optimizer that a job file describes. */
final class Optimizers {
    private Optimizers() {
    }

    static Optimizer build(Job job, Device device, ParameterArena arena) {
        if (job.optimizer() instanceof OptimizerConfig.Sgd sgd) {
            return new Sgd(device, arena, new SgdSettings(sgd.lr(), sgd.momentum(), sgd.weightDecay(),
                    sgd.dampening(), sgd.nesterov()));
        }
        if (job.optimizer() instanceof OptimizerConfig.Adam adam) {
            return new Adam(device, arena, new AdamSettings(adam.lr(), adam.beta1(), adam.beta2(), adam.eps(),
                    adam.weightDecay(), adam.decoupled()));
        }
        throw new IllegalStateException("an optimizer without an implementation: " + job.optimizer());
    }
}

package dev.lockstep.job;

/** The optimizer and its hyperparameters. */
public sealed interface OptimizerConfig {

    /**
     * As torch.optim.SGD: lr, momentum and weight decay are finite and not negative; nesterov comes only with a
     * momentum above 0 and without dampening.
     */
    record Sgd(double lr, double momentum, double weightDecay, double dampening, boolean nesterov)
            implements OptimizerConfig {}
}

package dev.lockstep.job;

import java.util.List;

/** The optimizer and its hyperparameters. */
public sealed interface OptimizerConfig {
    /** The map of the job file that holds it: {@code optimizer.sgd}. */
    String key();

    /** Learning rate of the parameters that no group gives another. */
    double lr();

    /** Likewise. */
    double weightDecay();

    /** Parameters that have other numbers; the first group that names a parameter counts. */
    List<GroupConfig> groups();

    /**
     * As torch.optim.SGD: lr, momentum and weight decay are finite and not negative; nesterov comes only with a
     * momentum above 0 and without dampening.
     */
    record Sgd(double lr, double momentum, double weightDecay, double dampening, boolean nesterov,
            List<GroupConfig> groups) implements OptimizerConfig {
        public Sgd {
            groups = List.copyOf(groups);
        }

        public Sgd(double lr, double momentum, double weightDecay, double dampening, boolean nesterov) {
            this(lr, momentum, weightDecay, dampening, nesterov, List.of());
        }

        @Override
        public String key() {
            return "optimizer.sgd";
        }
    }

    /**
     * As torch.optim.Adam, or torch.optim.AdamW where the weight decay is decoupled from the gradient: lr and weight decay
     * are finite and not negative, betas from 0 to below 1, eps a positive float.
     */
    record Adam(double lr, double beta1, double beta2, double eps, double weightDecay, boolean decoupled,
            List<GroupConfig> groups) implements OptimizerConfig {
        public Adam {
            groups = List.copyOf(groups);
        }

        public Adam(double lr, double beta1, double beta2, double eps, double weightDecay, boolean decoupled) {
            this(lr, beta1, beta2, eps, weightDecay, decoupled, List.of());
        }

        @Override
        public String key() {
            return decoupled ? "optimizer.adamw" : "optimizer.adam";
        }
    }
}

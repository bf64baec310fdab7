package dev.lockstep.train;

import dev.lockstep.device.Activation;
import dev.lockstep.job.ActivationKind;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.nn.ActivationModule;
import dev.lockstep.nn.Linear;
import dev.lockstep.nn.Module;
import dev.lockstep.nn.Sequential;
import java.util.List;

/** Builds the model that a job file describes. */
final class Models {
    private Models() {
    }

    static Sequential build(List<LayerConfig> layers) {
        return new Sequential(layers.stream().map(Models::module).toList());
    }

    private static Module module(LayerConfig layer) {
        if (layer instanceof LayerConfig.LinearLayer linear) {
            return new Linear(linear.in(), linear.out());
        }
        if (layer instanceof LayerConfig.ActivationLayer activation) {
            return new ActivationModule(activation(activation.kind()));
        }
        throw new IllegalStateException("a layer without a module: " + layer);
    }

    static Activation activation(ActivationKind kind) {
        return switch (kind) {
            case RELU -> Activation.RELU;
            case SIGMOID -> Activation.SIGMOID;
            case TANH -> Activation.TANH;
            case GELU -> Activation.GELU;
        };
    }
}

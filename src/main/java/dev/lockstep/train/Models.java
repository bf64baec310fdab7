package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Activation;
import dev.lockstep.job.ActivationKind;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.nn.ActivationModule;
import dev.lockstep.nn.BatchNorm;
import dev.lockstep.nn.Dropout;
import dev.lockstep.nn.LayerNorm;
import dev.lockstep.nn.Linear;
import dev.lockstep.nn.Module;
import dev.lockstep.nn.Residual;
import dev.lockstep.nn.Sequential;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** Builds the model that a job file describes. */
final class Models {
    private Models() {
    }

    /**
     * @param features of a sample
     * @throws InvalidInputException if a layer does not take what the one before it gives
     */
    static Sequential build(List<LayerConfig> layers, int features) {
        return build("model", layers, features);
    }

    private static Sequential build(String path, List<LayerConfig> layers, int features) {
        List<Module> modules = new ArrayList<>();
        int given = features;
        for (LayerConfig layer : layers) {
            String at = path + "." + modules.size();
            Module module = module(at, layer, given);
            try {
                given = module.outputFeatures(given);
            } catch (IllegalArgumentException e) {
                throw new InvalidInputException(at + ": " + e.getMessage() + "; make the layers fit", e);
            }
            modules.add(module);
        }
        return new Sequential(modules);
    }

    private static Module module(String path, LayerConfig layer, int features) {
        if (layer instanceof LayerConfig.LinearLayer linear) {
            return new Linear(linear.in(), linear.out());
        }
        if (layer instanceof LayerConfig.ActivationLayer activation) {
            return new ActivationModule(activation(activation.kind()));
        }
        if (layer instanceof LayerConfig.CustomLayer custom) {
            return CustomModules.build(path, custom, features);
        }
        if (layer instanceof LayerConfig.BatchNormLayer norm) {
            return new BatchNorm(features, norm.eps(), norm.momentum(), norm.sync());
        }
        if (layer instanceof LayerConfig.LayerNormLayer norm) {
            return new LayerNorm(features, norm.eps());
        }
        if (layer instanceof LayerConfig.DropoutLayer dropout) {
            return new Dropout(dropout.probability());
        }
        if (layer instanceof LayerConfig.ResidualLayer residual) {
            return new Residual(build(path, residual.layers(), features));
        }
        throw new IllegalStateException("a layer without a module: " + layer);
    }

    /**
     * What a sample must have, as the first linear layer says: those before it keep the number. None where a custom module
     * comes first, which takes what there is.
     */
    static OptionalInt inputFeatures(List<LayerConfig> layers) {
        return LayerConfig.flattened(layers)
                .filter(layer -> layer instanceof LayerConfig.LinearLayer || layer instanceof LayerConfig.CustomLayer).limit(1)
                .filter(LayerConfig.LinearLayer.class::isInstance)
                .mapToInt(layer -> ((LayerConfig.LinearLayer) layer).in()).findFirst();
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

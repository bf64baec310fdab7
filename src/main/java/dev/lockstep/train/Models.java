package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Activation;
import dev.lockstep.job.ActivationKind;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.nn.ActivationModule;
import dev.lockstep.nn.Linear;
import dev.lockstep.nn.Module;
import dev.lockstep.nn.Sequential;
import java.util.ArrayList;
import java.util.List;

/** Builds the model that a job file describes. */
final class Models {
    private Models() {
    }

    /** @param inputFeatures of a sample that the model is given */
    static Sequential build(List<LayerConfig> layers, int inputFeatures) {
        List<Module> modules = new ArrayList<>();
        int features = inputFeatures;
        for (LayerConfig layer : layers) {
            Module module = module("model." + modules.size(), layer, features);
            modules.add(module);
            features = outputFeatures(modules.size() - 1, module, features);
        }
        return new Sequential(modules);
    }

    private static int outputFeatures(int position, Module module, int features) {
        try {
            return module.outputFeatures(features);
        } catch (IllegalArgumentException e) {
            throw new InvalidInputException("model." + position + ": " + e.getMessage() + "; make the layers fit", e);
        }
    }

    private static Module module(String path, LayerConfig layer, int inputFeatures) {
        if (layer instanceof LayerConfig.LinearLayer linear) {
            return new Linear(linear.in(), linear.out());
        }
        if (layer instanceof LayerConfig.ActivationLayer activation) {
            return new ActivationModule(activation(activation.kind()));
        }
        if (layer instanceof LayerConfig.CustomLayer custom) {
            return CustomModules.build(path, custom, inputFeatures);
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

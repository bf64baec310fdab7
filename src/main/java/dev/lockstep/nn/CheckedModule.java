package dev.lockstep.nn;

import dev.lockstep.device.Matrix;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** A module whose answers are looked at before anyone relies on them; what is none is a ModuleContractException. */
public final class CheckedModule implements Module {
    private final Module module;
    private final Map<Integer, Integer> outputFeatures = new ConcurrentHashMap<>();

    public CheckedModule(Module module) {
        this.module = module;
    }

    @Override
    public List<ParameterShape> parameterShapes() {
        return whole("parameterShapes() is or holds null; a module without parameters has an empty list",
                module.parameterShapes());
    }

    @Override
    public List<BufferShape> bufferShapes() {
        return whole("bufferShapes() is or holds null; a module without buffers has an empty list", module.bufferShapes());
    }

    private static <T> List<T> whole(String otherwise, List<T> list) {
        require(list != null && list.stream().noneMatch(Objects::isNull), otherwise);
        return list;
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        int found = module.outputFeatures(inputFeatures);
        String call = "outputFeatures(" + inputFeatures + ")";
        require(found > 0, call + " is " + found + "; a sample leaves with at least 1");
        Integer before = outputFeatures.putIfAbsent(inputFeatures, found);
        require(before == null || before == found, call + " is " + before + " and then " + found
                + "; it must be the same each time");
        return found;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        module.initialize(generator, parameters);
    }

    @Override
    public ActivationMemory activationMemory(int inputFeatures) {
        ActivationMemory memory = module.activationMemory(inputFeatures);
        require(memory != null, "activationMemory(" + inputFeatures + ") is null; one that takes nothing is"
                + " ActivationMemory.NONE");
        return memory;
    }

    @Override
    public int smallestBatch(int ranks) {
        int samples = module.smallestBatch(ranks);
        require(samples > 0, "smallestBatch(" + ranks + ") is " + samples + "; a batch has at least 1 sample");
        return samples;
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        BoundModule bound = module.bind(binding, input, inputGradient);
        require(bound != null, "bind returns null");
        return bound;
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new ModuleContractException(message);
        }
    }
}

package dev.lockstep.nn;

import dev.lockstep.device.Matrix;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.function.Function;

/** A module made up of others, as a subclass of torch.nn.Sequential is: it says which, and the rest follows. */
public interface Composite extends Module {
    /** What this module is, its parameters named alike; the same each time. */
    Module module();

    @Override
    default List<ParameterShape> parameterShapes() {
        return module().parameterShapes();
    }

    @Override
    default List<BufferShape> bufferShapes() {
        return module().bufferShapes();
    }

    @Override
    default int outputFeatures(int inputFeatures) {
        return module().outputFeatures(inputFeatures);
    }

    @Override
    default void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        module().initialize(generator, parameters);
    }

    @Override
    default ActivationMemory activationMemory(int inputFeatures) {
        return module().activationMemory(inputFeatures);
    }

    @Override
    default int smallestBatch(int ranks) {
        return module().smallestBatch(ranks);
    }

    @Override
    default BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        return module().bind(binding, input, inputGradient);
    }
}

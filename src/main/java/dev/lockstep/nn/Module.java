package dev.lockstep.nn;

import dev.lockstep.device.Matrix;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.function.Function;

/**
 * A layer or a composition of layers. A module is a description without memory or state: its parameters live in the
 * trainer's arena, its buffers beside them, and what forward leaves for backward in the {@link BoundModule} that
 * {@link #bind} makes.
 */
public interface Module {
    /** Its parameters in PyTorch's order, named relative to the module. */
    List<ParameterShape> parameterShapes();

    /**
     * Its state that no gradient changes, such as running statistics, in PyTorch's order, named relative to the module.
     * Rank 0's is what evaluation and checkpoints take.
     */
    default List<BufferShape> bufferShapes() {
        return List.of();
    }

    /**
     * Features a sample leaves with.
     *
     * @throws IllegalArgumentException if the module does not take samples of {@code inputFeatures}
     */
    int outputFeatures(int inputFeatures);

    /**
     * Draws initial values as torch.nn does, in the order of {@link #parameterShapes}.
     *
     * @param parameters finds a parameter by its name relative to the module
     */
    void initialize(Mt19937 generator, Function<String, Parameter> parameters);

    /**
     * What {@link #bind} asks of the workspace where samples come with {@code inputFeatures}, so that a job that cannot
     * fit is refused: here the output, and in training its gradient.
     */
    default ActivationMemory activationMemory(int inputFeatures) {
        return ActivationMemory.ofOutput(outputFeatures(inputFeatures));
    }

    /**
     * The fewest samples that a rank's batch must have in training.
     *
     * @param ranks that train, each on a batch of that size
     */
    default int smallestBatch(int ranks) {
        return 1;
    }

    /**
     * Prepares forward, and backward where {@code binding} is for training, for one batch size.
     *
     * @param input         [batch, input features]
     * @param inputGradient where backward writes the gradient of the input, of its shape; null where nobody wants it
     */
    BoundModule bind(Binding binding, Matrix input, Matrix inputGradient);
}

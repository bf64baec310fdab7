package dev.lockstep.nn;

import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.function.Function;

/** y = x + f(x), where f are layers that leave as many features as they take; their parameters keep their names. */
public record Residual(Sequential block) implements Module {
    @Override
    public List<ParameterShape> parameterShapes() {
        return block.parameterShapes();
    }

    @Override
    public List<BufferShape> bufferShapes() {
        return block.bufferShapes();
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        int outputs = block.outputFeatures(inputFeatures);
        if (outputs != inputFeatures) {
            throw new IllegalArgumentException("a residual block takes " + inputFeatures + " features and leaves " + outputs
                    + ", which cannot be added to them");
        }
        return outputs;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        block.initialize(generator, parameters);
    }

    /** The gradient of the sum is that of the block's output, too. */
    @Override
    public ActivationMemory activationMemory(int inputFeatures) {
        return block.activationMemory(inputFeatures).plus(new ActivationMemory(inputFeatures, inputFeatures, 0, 0));
    }

    @Override
    public int smallestBatch(int ranks) {
        return block.smallestBatch(ranks);
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        BoundModule bound = block.bind(binding, input, inputGradient);
        Matrix output = binding.workspace().matrix(input.rows(), input.columns());
        Operation forward = binding.timed(Phase.FORWARD, "forward.add", 0, binding.device().operations().layers()
                .add(input.data(), bound.output().data(), output.data()));
        Operation backward = inputGradient == null || !binding.training() ? null
                : binding.timed(Phase.BACKWARD, "backward.add", 0, binding.device().operations().layers()
                        .add(inputGradient.data(), bound.outputGradient().data(), inputGradient.data()));
        return new BoundResidual(bound, output, forward, backward);
    }

    /** {@code inputGradient} is null where nobody wants it. */
    private record BoundResidual(BoundModule block, Matrix output, Operation forward, Operation inputGradient)
            implements BoundModule {
        @Override
        public Matrix outputGradient() {
            return block.outputGradient();
        }

        @Override
        public void forward(Stream stream) {
            block.forward(stream);
            forward.enqueue(stream);
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            block.backward(stream, listener);
            if (inputGradient != null) {
                inputGradient.enqueue(stream);
            }
        }
    }
}

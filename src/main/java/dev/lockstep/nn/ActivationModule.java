package dev.lockstep.nn;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.function.Function;

/** An element-wise activation as a layer of its own: torch.nn.ReLU, Sigmoid, Tanh, GELU. */
public record ActivationModule(Activation activation) implements Module {
    @Override
    public List<ParameterShape> parameterShapes() {
        return List.of();
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        return inputFeatures;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        // Nothing to draw.
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        Operations operations = binding.device().operations();
        Matrix output = binding.workspace().matrix(input.rows(), input.columns());
        Operation forward = binding.timed(Phase.FORWARD, "forward", 0,
                operations.activationForward(activation, input.data(), output.data()));
        if (!binding.training()) {
            return new BoundActivation(output, null, forward, null);
        }
        Matrix outputGradient = binding.workspace().matrix(input.rows(), input.columns());
        Operation backward = inputGradient == null ? null : binding.timed(Phase.BACKWARD, "backward", 0,
                operations.activationBackward(activation, input.data(), output.data(), outputGradient.data(),
                        inputGradient.data()));
        return new BoundActivation(output, outputGradient, forward, backward);
    }

    /** {@code inputGradient} is null where nobody wants it. */
    private record BoundActivation(Matrix output, Matrix outputGradient, Operation forward, Operation inputGradient)
            implements BoundModule {
        @Override
        public void forward(Stream stream) {
            forward.enqueue(stream);
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            if (inputGradient != null) {
                inputGradient.enqueue(stream);
            }
        }
    }
}

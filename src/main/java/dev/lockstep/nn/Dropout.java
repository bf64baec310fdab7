package dev.lockstep.nn;

import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.LayerOperations.RandomSource;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.function.Function;

/**
 * Elements dropped with some probability in training, the others scaled up in return: torch.nn.Dropout, with the random
 * numbers of {@link LayerOperations#dropout}. In evaluation the output is the input itself.
 */
public record Dropout(double probability) implements Module {
    public Dropout {
        if (!(probability >= 0 && probability < 1)) {
            throw new IllegalArgumentException("a dropout with probability " + probability);
        }
    }

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
    public ActivationMemory activationMemory(int inputFeatures) {
        return new ActivationMemory(2L * inputFeatures, 0, 0, 0);
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        if (!binding.training()) {
            return new BoundDropout(input, null, stream -> { }, null);
        }
        LayerOperations operations = binding.device().operations().layers();
        RandomSource source = binding.randomSource();
        Matrix output = binding.workspace().matrix(input.rows(), input.columns());
        Matrix outputGradient = binding.workspace().matrix(input.rows(), input.columns());
        Operation forward = binding.timed(Phase.FORWARD, "forward", 0,
                operations.dropout(input.data(), output.data(), source, probability));
        Operation backward = inputGradient == null ? null : binding.timed(Phase.BACKWARD, "backward", 0,
                operations.dropout(outputGradient.data(), inputGradient.data(), source, probability));
        return new BoundDropout(output, outputGradient, forward, backward);
    }

    /** {@code inputGradient} is null where nobody wants it. */
    private record BoundDropout(Matrix output, Matrix outputGradient, Operation forward, Operation inputGradient)
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

package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.Workspace;
import java.util.List;
import java.util.function.Function;

/**
 * Each sample's features brought to mean 0 and variance 1, then scaled and moved: torch.nn.LayerNorm.
 *
 * @param eps added to the variance
 */
public record LayerNorm(int features, double eps) implements Module {
    private static final long STATISTICS = 2;

    public LayerNorm {
        if (features < 1 || !(eps >= 0)) {
            throw new IllegalArgumentException("a layer norm of " + features + " features with an eps of " + eps);
        }
    }

    @Override
    public List<ParameterShape> parameterShapes() {
        return NormParameters.shapes(features);
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        if (inputFeatures != features) {
            throw new IllegalArgumentException("a layer norm of " + features + " features is given " + inputFeatures);
        }
        return features;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        NormParameters.initialize(parameters);
    }

    @Override
    public ActivationMemory activationMemory(int inputFeatures) {
        return ActivationMemory.ofOutput(features).plus(
                new ActivationMemory(STATISTICS, STATISTICS, 0, STATISTICS * features * Double.BYTES));
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        LayerOperations operations = binding.device().operations().layers();
        NormParameters parameters = NormParameters.of(binding);
        DeviceBuffer weight = parameters.weight().value();
        Workspace workspace = binding.workspace();
        Matrix output = workspace.matrix(input.rows(), features);
        DeviceBuffer statistics = workspace.buffer(weight.type(), STATISTICS * input.rows());
        Operation forward = binding.timed(Phase.FORWARD, "forward", 0, operations.layerNormForward(input, weight,
                parameters.bias().value(), eps, output, statistics));
        if (!binding.training()) {
            return new BoundNorm(output, null, parameters, List.of(forward), List.of(), List.of());
        }
        Matrix outputGradient = workspace.matrix(input.rows(), features);
        DeviceBuffer sums = workspace.buffer(DataType.FLOAT64, STATISTICS * features);
        Operation sum = binding.timed(Phase.BACKWARD, "backward.sums", 0,
                operations.layerNormBackwardSums(input, outputGradient, statistics, sums));
        List<Operation> inputGradients = inputGradient == null ? List.of()
                : List.of(binding.timed(Phase.BACKWARD, "backward.input", 0,
                        operations.layerNormBackward(input, outputGradient, weight, statistics, inputGradient)));
        return new BoundNorm(output, outputGradient, parameters, List.of(forward),
                List.of(sum, parameters.gradients(binding, sums)), inputGradients);
    }
}

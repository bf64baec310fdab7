package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Each feature brought to mean 0 and variance 1 over the batch, then scaled and moved: torch.nn.BatchNorm1d. Evaluation
 * takes running statistics instead of the batch's.
 *
 * @param eps      added to the variance
 * @param momentum weight of a batch in the running statistics
 * @param sync     whether the batch is that of all ranks together: torch.nn.SyncBatchNorm
 */
public record BatchNorm(int features, double eps, double momentum, boolean sync) implements Module {
    private static final String RUNNING_MEAN = "running_mean";
    private static final String RUNNING_VARIANCE = "running_var";
    private static final String BATCHES = "num_batches_tracked";

    public BatchNorm {
        if (features < 1 || !(eps >= 0) || !(momentum >= 0 && momentum <= 1)) {
            throw new IllegalArgumentException("a batch norm of " + features + " features with an eps of " + eps
                    + " and a momentum of " + momentum);
        }
    }

    @Override
    public List<ParameterShape> parameterShapes() {
        return NormParameters.shapes(features);
    }

    @Override
    public List<BufferShape> bufferShapes() {
        return List.of(new BufferShape(RUNNING_MEAN, DataType.FLOAT32, features, 0),
                new BufferShape(RUNNING_VARIANCE, DataType.FLOAT32, features, 1),
                new BufferShape(BATCHES, DataType.INT64, 0, 0));
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        if (inputFeatures != features) {
            throw new IllegalArgumentException("a batch norm of " + features + " features is given " + inputFeatures);
        }
        return features;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        NormParameters.initialize(parameters);
    }

    @Override
    public ActivationMemory activationMemory(int inputFeatures) {
        return ActivationMemory.ofOutput(features).plus(new ActivationMemory(0, 0, 0,
                2L * features * Float.BYTES + (4L * features + 1) * Double.BYTES));
    }

    /** Of a single sample there is no variance. */
    @Override
    public int smallestBatch(int ranks) {
        return sync && ranks > 1 ? 1 : 2;
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        LayerOperations operations = binding.device().operations().layers();
        NormParameters parameters = NormParameters.of(binding);
        DeviceBuffer weight = parameters.weight().value();
        LayerOperations.RunningStatistics running = new LayerOperations.RunningStatistics(binding.buffer(RUNNING_MEAN),
                binding.buffer(RUNNING_VARIANCE), binding.buffer(BATCHES));
        Workspace workspace = binding.workspace();
        Matrix output = workspace.matrix(input.rows(), features);
        DeviceBuffer statistics = workspace.buffer(weight.type(), 2L * features);
        Operation normalize = binding.timed(Phase.FORWARD, "forward", 0,
                operations.batchNormForward(input, statistics, weight, parameters.bias().value(), output));
        if (!binding.training()) {
            Operation take = operations.batchNormRunningStatistics(running, eps, statistics);
            return new BoundNorm(output, null, parameters, List.of(take, normalize), List.of(), List.of());
        }
        Matrix outputGradient = workspace.matrix(input.rows(), features);
        DeviceBuffer sums = workspace.buffer(DataType.FLOAT64, 2L * features + 1);
        DeviceBuffer backwardSums = workspace.buffer(DataType.FLOAT64, 2L * features);

        List<Operation> forward = new ArrayList<>();
        forward.add(binding.timed(Phase.FORWARD, "forward.sums", 0, operations.batchNormSums(input, sums)));
        addSumOverRanks(forward, binding, Phase.FORWARD, "forward.ranks", sums);
        forward.add(binding.timed(Phase.FORWARD, "forward.statistics", 0,
                operations.batchNormStatistics(sums, eps, momentum, running, statistics)));
        forward.add(normalize);

        List<Operation> parameterGradients = new ArrayList<>();
        parameterGradients.add(binding.timed(Phase.BACKWARD, "backward.sums", 0,
                operations.batchNormBackwardSums(input, outputGradient, statistics, backwardSums)));
        // Of this rank's batch alone: they are summed over the ranks as all gradients are.
        parameterGradients.add(parameters.gradients(binding, backwardSums));
        List<Operation> inputGradients = List.of();
        if (inputGradient != null) {
            // Before the reduction of what is written so far begins, behind which it would have to wait.
            addSumOverRanks(parameterGradients, binding, Phase.BACKWARD, "backward.ranks", backwardSums);
            inputGradients = List.of(binding.timed(Phase.BACKWARD, "backward.input", 0, operations.batchNormBackward(input,
                    outputGradient, statistics, weight, sums, backwardSums, inputGradient)));
        }
        return new BoundNorm(output, outputGradient, parameters, List.copyOf(forward), List.copyOf(parameterGradients),
                inputGradients);
    }

    private void addSumOverRanks(List<Operation> operations, Binding binding, Phase phase, String name,
            DeviceBuffer sums) {
        if (sync) {
            operations.add(binding.timed(phase, name, 0, binding.sumOverRanks(name, sums)));
        }
    }
}

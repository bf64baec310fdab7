package dev.lockstep.nn;

import dev.lockstep.device.Activation;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** y = x · weightᵀ + bias, with weight [out, in] and bias [out]: torch.nn.Linear. */
public record Linear(int in, int out) implements Module {
    private static final String WEIGHT = "weight";
    private static final String BIAS = "bias";

    public Linear {
        if (in < 1 || out < 1) {
            throw new IllegalArgumentException("a linear layer from " + in + " to " + out + " features");
        }
    }

    @Override
    public List<ParameterShape> parameterShapes() {
        return List.of(ParameterShape.matrix(WEIGHT, out, in), ParameterShape.bias(BIAS, out));
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        if (inputFeatures != in) {
            throw new IllegalArgumentException("a linear layer of " + in + " inputs is given " + inputFeatures);
        }
        return out;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        Uniform.fill(generator, in, parameters.apply(WEIGHT).value());
        Uniform.fill(generator, in, parameters.apply(BIAS).value());
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        return bind(binding, input, inputGradient, Activation.IDENTITY, null, Activation.IDENTITY);
    }

    /**
     * The gradient of the bias of the layer that is bound with {@code binding}, for the layer behind it to overwrite. Null
     * outside training, and where gradients are accumulated: then the layer adds to it itself.
     */
    static DeviceBuffer biasGradient(Binding binding) {
        return binding.training() && !binding.accumulate() ? binding.parameter(BIAS).gradient() : null;
    }

    /**
     * Binds the layer together with the activations around it, each of which must have a derivative that follows from
     * its output.
     *
     * @param inputActivation  what made {@code input}: the gradient of the input is carried on through it
     * @param inputBiasGradient the gradient of the bias that was added before inputActivation: this layer computes it,
     *                         in one go with the gradient of its input; null if there is none
     * @param outputActivation applied to the output; the gradient to be put into outputGradient is that of the layer's
     *                         own output, before this activation, and whoever puts it there computes that of the bias, too,
     *                         unless gradients are accumulated
     */
    BoundModule bind(Binding binding, Matrix input, Matrix inputGradient, Activation inputActivation,
            DeviceBuffer inputBiasGradient, Activation outputActivation) {
        Operations operations = binding.device().operations();
        Parameter weight = binding.parameter(WEIGHT);
        Parameter bias = binding.parameter(BIAS);
        Matrix output = binding.workspace().matrix(input.rows(), out);
        // Of a product with all rows of the weight: multiplications and additions.
        double flops = 2.0 * input.rows() * in * out;
        Operation forward = binding.timed(Phase.FORWARD, "forward", flops,
                operations.linearForward(input, weight.matrix(), bias.computeValue(), output, outputActivation));
        if (!binding.training()) {
            return new BoundLinear(output, null, forward, null, null);
        }
        Matrix outputGradient = binding.workspace().matrix(input.rows(), out);
        int[] rowEnds = merged(binding.rowEnds(weight), operations.weightGradientRows());
        Operation[] weightGradient = new Operation[rowEnds.length];
        for (int i = 0; i < rowEnds.length; i++) {
            int first = i == 0 ? 0 : rowEnds[i - 1];
            int rows = rowEnds[i] - first;
            weightGradient[i] = binding.timed(Phase.BACKWARD, "backward.weight rows " + first + "-" + rowEnds[i],
                    flops * rows / out, operations.linearBackwardWeight(input, outputGradient,
                            weight.gradientRows(first, rows), first, binding.accumulate()));
        }
        Operation biasGradient = outputActivation != Activation.IDENTITY && !binding.accumulate() ? null
                : binding.timed(Phase.BACKWARD, "backward.bias", 0,
                        operations.linearBackwardBias(outputGradient, bias.gradient(), binding.accumulate()));
        Operation inputGradientOperation = inputGradient == null ? null
                : binding.timed(Phase.BACKWARD, "backward.input", flops, operations.linearBackwardInput(outputGradient,
                        weight.matrix(), inputGradient, inputActivation, input, inputBiasGradient));
        return new BoundLinear(output, outputGradient, forward,
                new ParameterGradients(weight, bias, rowEnds, weightGradient, biasGradient), inputGradientOperation);
    }

    /** Leaves out ends, so that each range but the last has at least {@code rows} rows. */
    public static int[] merged(int[] rowEnds, int rows) {
        int[] merged = new int[rowEnds.length];
        int count = 0;
        int last = rowEnds[rowEnds.length - 1];
        for (int end : rowEnds) {
            int start = count == 0 ? 0 : merged[count - 1];
            if (end == last || end - start >= rows) {
                merged[count++] = end;
            }
        }
        return Arrays.copyOf(merged, count);
    }

    /** {@code biasGradient} is null where the layer above computes it. */
    private record ParameterGradients(Parameter weight, Parameter bias, int[] rowEnds, Operation[] weightGradient,
            Operation biasGradient) {
    }

    /** {@code gradients} is null outside training, {@code inputGradient} where nobody wants it. */
    private record BoundLinear(Matrix output, Matrix outputGradient, Operation forward, ParameterGradients gradients,
            Operation inputGradient) implements BoundModule {
        @Override
        public void forward(Stream stream) {
            forward.enqueue(stream);
        }

        /** The parameters' gradients come first, so that their reduction runs beside the rest. */
        @Override
        public void backward(Stream stream, GradientListener listener) {
            if (gradients.biasGradient != null) {
                gradients.biasGradient.enqueue(stream);
            }
            listener.gradientReady(gradients.bias, gradients.bias.shape().rows());
            for (int i = 0; i < gradients.weightGradient.length; i++) {
                gradients.weightGradient[i].enqueue(stream);
                listener.gradientReady(gradients.weight, gradients.rowEnds[i]);
            }
            if (inputGradient != null) {
                inputGradient.enqueue(stream);
            }
        }
    }
}

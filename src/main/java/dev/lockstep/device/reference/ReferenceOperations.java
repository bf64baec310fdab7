package dev.lockstep.device.reference;

import static dev.lockstep.device.OperationChecks.floatType;

import dev.lockstep.device.Activation;
import dev.lockstep.device.AdamHyperparameters;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.OperationChecks;
import dev.lockstep.device.Operations;
import dev.lockstep.device.SgdHyperparameters;

/**
 * Each operation as its formula reads, one number after the other, for FLOAT32 and FLOAT64. Sums are in double, and
 * each result is rounded once, when it is stored.
 */
final class ReferenceOperations implements Operations {
    private static final String NO_CONVERSION = "parameters are computed with as they are here, not converted";

    private final ReferenceDevice device;
    private final LayerOperations layers;
    private final ReferenceClipping clipping = new ReferenceClipping(this);

    ReferenceOperations(ReferenceDevice device) {
        this.device = device;
        layers = new ReferenceLayers(this);
    }

    @Override
    public LayerOperations layers() {
        return layers;
    }

    @Override
    public Operation linearForward(Matrix x, Matrix weight, DeviceBuffer bias, Matrix y, Activation activation) {
        OperationChecks.linearForward(floatType(x.data()), x, weight, bias, y, activation);
        ReferenceBuffer xs = own(x.data());
        ReferenceBuffer weights = own(weight.data());
        ReferenceBuffer biases = own(bias);
        ReferenceBuffer ys = output(y.data(), xs, weights, biases);
        int in = x.columns();
        int out = y.columns();
        return stream -> {
            for (int row = 0; row < y.rows(); row++) {
                for (int column = 0; column < out; column++) {
                    double sum = biases == null ? 0 : biases.get(column);
                    for (int k = 0; k < in; k++) {
                        sum += xs.get(row * in + k) * weights.get(column * in + k);
                    }
                    ys.set(row * out + column, ActivationFunctions.forward(activation, sum));
                }
            }
        };
    }

    @Override
    public Operation linearBackwardInput(Matrix yGradient, Matrix weight, Matrix xGradient, Activation activation,
            Matrix x, DeviceBuffer biasGradient) {
        OperationChecks.linearBackwardInput(floatType(yGradient.data()), yGradient, weight, xGradient, activation, x,
                biasGradient);
        ReferenceBuffer yGradients = own(yGradient.data());
        ReferenceBuffer weights = own(weight.data());
        ReferenceBuffer xs = activation == Activation.IDENTITY ? null : own(x.data());
        ReferenceBuffer xGradients = output(xGradient.data(), yGradients, weights, xs);
        Operation columnSums = biasGradient == null ? stream -> { } : linearBackwardBias(xGradient, biasGradient, false);
        int in = xGradient.columns();
        int out = yGradient.columns();
        return stream -> {
            for (int row = 0; row < xGradient.rows(); row++) {
                for (int column = 0; column < in; column++) {
                    double sum = 0;
                    for (int k = 0; k < out; k++) {
                        sum += yGradients.get(row * out + k) * weights.get(k * in + column);
                    }
                    int element = row * in + column;
                    double output = xs == null ? Double.NaN : xs.get(element);
                    xGradients.set(element, ActivationFunctions.backward(activation, Double.NaN, output, sum));
                }
            }
            columnSums.enqueue(stream);
        };
    }

    @Override
    public Operation linearBackwardWeight(Matrix x, Matrix yGradient, Matrix weightGradient, int firstRow,
            boolean accumulate) {
        OperationChecks.linearBackwardWeight(floatType(x.data()), x, yGradient, weightGradient, firstRow);
        ReferenceBuffer xs = own(x.data());
        ReferenceBuffer yGradients = own(yGradient.data());
        ReferenceBuffer weightGradients = output(weightGradient.data(), xs, yGradients);
        int in = x.columns();
        int out = yGradient.columns();
        return stream -> {
            for (int row = 0; row < weightGradient.rows(); row++) {
                for (int column = 0; column < in; column++) {
                    int element = row * in + column;
                    double sum = accumulate ? weightGradients.get(element) : 0;
                    for (int sample = 0; sample < x.rows(); sample++) {
                        sum += yGradients.get(sample * out + firstRow + row) * xs.get(sample * in + column);
                    }
                    weightGradients.set(element, sum);
                }
            }
        };
    }

    @Override
    public int weightGradientRows() {
        return 1;
    }

    @Override
    public Operation linearBackwardBias(Matrix yGradient, DeviceBuffer biasGradient, boolean accumulate) {
        OperationChecks.linearBackwardBias(floatType(yGradient.data()), yGradient, biasGradient);
        ReferenceBuffer yGradients = own(yGradient.data());
        ReferenceBuffer biasGradients = output(biasGradient, yGradients);
        int out = yGradient.columns();
        return stream -> {
            for (int column = 0; column < out; column++) {
                double sum = accumulate ? biasGradients.get(column) : 0;
                for (int sample = 0; sample < yGradient.rows(); sample++) {
                    sum += yGradients.get(sample * out + column);
                }
                biasGradients.set(column, sum);
            }
        };
    }

    @Override
    public Operation activationForward(Activation activation, DeviceBuffer x, DeviceBuffer y) {
        OperationChecks.activationForward(floatType(x), x, y);
        ReferenceBuffer xs = own(x);
        ReferenceBuffer ys = outputOrInPlace(y, xs);
        int elementCount = Math.toIntExact(x.elementCount());
        return stream -> {
            for (int i = 0; i < elementCount; i++) {
                ys.set(i, ActivationFunctions.forward(activation, xs.get(i)));
            }
        };
    }

    @Override
    public Operation activationBackward(Activation activation, DeviceBuffer x, DeviceBuffer y, DeviceBuffer yGradient,
            DeviceBuffer xGradient) {
        OperationChecks.activationBackward(floatType(yGradient), activation, x, y, yGradient, xGradient);
        ReferenceBuffer yGradients = own(yGradient);
        ReferenceBuffer xGradients = outputOrInPlace(xGradient, yGradients);
        ReferenceBuffer xs = activation.derivativeFromOutput() ? null : own(x);
        ReferenceBuffer ys = activation.derivativeFromOutput() ? own(y) : null;
        output(xGradient, xs, ys);
        int elementCount = Math.toIntExact(yGradient.elementCount());
        return stream -> {
            for (int i = 0; i < elementCount; i++) {
                double input = xs == null ? Double.NaN : xs.get(i);
                double output = ys == null ? Double.NaN : ys.get(i);
                xGradients.set(i, ActivationFunctions.backward(activation, input, output, yGradients.get(i)));
            }
        };
    }

    /** {@inheritDoc} A label out of range throws IndexOutOfBoundsException when the operation runs. */
    @Override
    public Operation crossEntropy(Matrix logits, DeviceBuffer labels, double labelSmoothing, DeviceBuffer statistics,
            Matrix logitsGradient, double gradientFactor) {
        OperationChecks.crossEntropy(floatType(logits.data()), logits, labels, labelSmoothing, statistics,
                logitsGradient, gradientFactor);
        ReferenceBuffer logitValues = own(logits.data());
        ReferenceBuffer labelValues = own(labels);
        ReferenceBuffer sums = output(statistics, logitValues, labelValues);
        ReferenceBuffer gradients = logitsGradient == null ? null
                : output(logitsGradient.data(), logitValues, labelValues, sums);
        return new ReferenceLosses.CrossEntropy(logitValues, logits.rows(), logits.columns(), labelValues, labelSmoothing,
                sums, gradients, gradientFactor);
    }

    @Override
    public Operation meanSquaredError(Matrix outputs, Matrix targets, DeviceBuffer statistics, Matrix outputsGradient,
            double gradientFactor) {
        OperationChecks.meanSquaredError(floatType(outputs.data()), outputs, targets, statistics, outputsGradient,
                gradientFactor);
        ReferenceBuffer outputValues = own(outputs.data());
        ReferenceBuffer targetValues = own(targets.data());
        ReferenceBuffer sums = output(statistics, outputValues, targetValues);
        ReferenceBuffer gradients = outputsGradient == null ? null
                : output(outputsGradient.data(), outputValues, targetValues, sums);
        return new ReferenceLosses.MeanSquaredError(outputValues, outputs.rows(), outputs.columns(), targetValues, sums,
                gradients, gradientFactor);
    }

    /** {@inheritDoc} An index out of range throws IndexOutOfBoundsException when the operation runs. */
    @Override
    public Operation gatherRows(Matrix source, DeviceBuffer indices, Matrix destination, float divisor) {
        OperationChecks.gatherRows(floatType(destination.data()), source, indices, destination, divisor);
        ReferenceBuffer sources = own(source.data());
        ReferenceBuffer rows = own(indices);
        ReferenceBuffer destinations = output(destination.data(), sources, rows);
        int columns = source.columns();
        return stream -> {
            for (int i = 0; i < destination.rows(); i++) {
                int row = checkIndex("index", rows.getInt(i), source.rows());
                for (int k = 0; k < columns; k++) {
                    destinations.set(i * columns + k, sources.get(row * columns + k) / divisor);
                }
            }
        };
    }

    /** {@inheritDoc} An index out of range throws IndexOutOfBoundsException when the operation runs. */
    @Override
    public Operation gatherLabels(DeviceBuffer source, DeviceBuffer indices, DeviceBuffer destination) {
        OperationChecks.gatherLabels(source, indices, destination);
        ReferenceBuffer sources = own(source);
        ReferenceBuffer positions = own(indices);
        ReferenceBuffer destinations = output(destination, sources, positions);
        int sourceCount = Math.toIntExact(source.elementCount());
        int elementCount = Math.toIntExact(destination.elementCount());
        return stream -> {
            for (int i = 0; i < elementCount; i++) {
                destinations.setInt(i, sources.getInt(checkIndex("index", positions.getInt(i), sourceCount)));
            }
        };
    }

    @Override
    public Operation sgd(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer momentumBuffer,
            DeviceBuffer hyperparameters, boolean nesterov, DeviceBuffer converted) {
        OperationChecks.sgd(floatType(parameter), parameter, gradient, momentumBuffer, hyperparameters, nesterov, null);
        refuseConversion(converted);
        ReferenceBuffer gradients = own(gradient);
        ReferenceBuffer numbers = own(hyperparameters);
        ReferenceBuffer parameters = output(parameter, gradients, numbers);
        ReferenceBuffer buffers = momentumBuffer == null ? null
                : output(momentumBuffer, parameters, gradients, numbers);
        int elementCount = Math.toIntExact(parameter.elementCount());
        return stream -> {
            double learningRate = numbers.get(SgdHyperparameters.LEARNING_RATE);
            double weightDecay = numbers.get(SgdHyperparameters.WEIGHT_DECAY);
            double momentum = numbers.get(SgdHyperparameters.MOMENTUM);
            double bufferFactor = numbers.get(SgdHyperparameters.BUFFER_FACTOR);
            double gradientFactor = numbers.get(SgdHyperparameters.GRADIENT_FACTOR);
            for (int i = 0; i < elementCount; i++) {
                double p = parameters.get(i);
                double g = gradients.get(i) + weightDecay * p;
                if (buffers != null) {
                    double buffer = bufferFactor * buffers.get(i) + gradientFactor * g;
                    buffers.set(i, buffer);
                    g = nesterov ? g + momentum * buffer : buffer;
                }
                parameters.set(i, p - learningRate * g);
            }
        };
    }

    @Override
    public Operation adam(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer average,
            DeviceBuffer squareAverage, DeviceBuffer hyperparameters, DeviceBuffer converted) {
        OperationChecks.adam(floatType(parameter), parameter, gradient, average, squareAverage, hyperparameters, null);
        refuseConversion(converted);
        ReferenceBuffer gradients = own(gradient);
        ReferenceBuffer numbers = own(hyperparameters);
        ReferenceBuffer parameters = output(parameter, gradients, numbers);
        ReferenceBuffer averages = output(average, parameters, gradients, numbers);
        ReferenceBuffer squares = output(squareAverage, averages, parameters, gradients, numbers);
        int elementCount = Math.toIntExact(parameter.elementCount());
        return stream -> {
            for (int i = 0; i < elementCount; i++) {
                double p = parameters.get(i);
                double g = gradients.get(i) + numbers.get(AdamHyperparameters.WEIGHT_DECAY) * p;
                double m = averages.get(i) + numbers.get(AdamHyperparameters.AVERAGE_FACTOR) * (g - averages.get(i));
                double v = numbers.get(AdamHyperparameters.SQUARE_FACTOR) * squares.get(i)
                        + numbers.get(AdamHyperparameters.SQUARE_GRADIENT_FACTOR) * g * g;
                double root = numbers.get(AdamHyperparameters.ROOT_FACTOR) * Math.sqrt(v);
                averages.set(i, m);
                squares.set(i, v);
                parameters.set(i, numbers.get(AdamHyperparameters.PARAMETER_FACTOR) * p
                        - numbers.get(AdamHyperparameters.STEP_SIZE) * m / (root + numbers.get(AdamHyperparameters.EPS)));
            }
        };
    }

    @Override
    public Operation sumOfSquares(DeviceBuffer x, DeviceBuffer result) {
        return clipping.sumOfSquares(x, result);
    }

    @Override
    public Operation clipCoefficient(DeviceBuffer sums, double maximumNorm, DeviceBuffer coefficient) {
        return clipping.coefficient(sums, maximumNorm, coefficient);
    }

    @Override
    public Operation clip(DeviceBuffer gradient, DeviceBuffer coefficient, double limit) {
        return clipping.clip(gradient, coefficient, limit);
    }

    @Override
    public Operation convert(DeviceBuffer source, DeviceBuffer destination) {
        throw new IllegalArgumentException(NO_CONVERSION);
    }

    private static void refuseConversion(DeviceBuffer converted) {
        if (converted != null) {
            throw new IllegalArgumentException(NO_CONVERSION);
        }
    }

    @Override
    public Operation clear(DeviceBuffer buffer) {
        ReferenceBuffer cleared = own(buffer);
        return stream -> cleared.clear();
    }

    /** Null where {@code buffer} is null. */
    ReferenceBuffer own(DeviceBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        if (buffer instanceof ReferenceBuffer own && own.device() == device) {
            return own;
        }
        throw new IllegalArgumentException("a buffer of another device");
    }

    ReferenceBuffer output(DeviceBuffer buffer, ReferenceBuffer... others) {
        ReferenceBuffer output = own(buffer);
        for (ReferenceBuffer other : others) {
            if (other != null && output.overlaps(other)) {
                throw new IllegalArgumentException("an output overlaps another argument of the operation");
            }
        }
        return output;
    }

    ReferenceBuffer outputOrInPlace(DeviceBuffer buffer, ReferenceBuffer input) {
        ReferenceBuffer output = own(buffer);
        return output.isSameMemory(input) ? output : output(buffer, input);
    }

    static int checkIndex(String what, int index, int count) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(what + " " + index + ", where there are " + count);
        }
        return index;
    }
}

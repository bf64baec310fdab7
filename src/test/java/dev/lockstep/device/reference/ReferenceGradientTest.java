package dev.lockstep.device.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every differentiable operation's backward against central finite differences of its forward, in FLOAT64. The scalar
 * that is differentiated is a weighted sum of the outputs; the weights are then the outputs' gradient.
 */
class ReferenceGradientTest {
    /** Near the cube root of the unit roundoff, where truncation and rounding leave some 1e-10. */
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 1e-8;
    private static final int BATCH = 5;
    private static final int IN = 7;
    private static final int OUT = 4;

    private final Device device = new ReferenceDevice();
    private final Operations operations = device.operations();
    private final Random random = new Random(20);

    static Stream<Activation> fusedActivations() {
        return Arrays.stream(Activation.values()).filter(Activation::derivativeFromOutput);
    }

    @ParameterizedTest
    @EnumSource
    void shouldDifferentiateActivations(Activation activation) {
        DeviceBuffer x = random(33);
        DeviceBuffer y = zeros(33);
        DeviceBuffer yGradient = random(33);
        DeviceBuffer xGradient = zeros(33);
        Operation forward = operations.activationForward(activation, x, y);
        enqueue(forward);
        enqueue(operations.activationBackward(activation, x, y, yGradient, xGradient));
        assertIsDerivative(xGradient, x, () -> {
            enqueue(forward);
            return dot(y, yGradient);
        });
    }

    /** Two layers, so that the second one's input gradient goes through the activation fused into the first. */
    @ParameterizedTest
    @MethodSource("fusedActivations")
    void shouldDifferentiateLinearLayersWithFusedActivations(Activation activation) {
        Matrix x = randomMatrix(BATCH, IN);
        Matrix firstWeight = randomMatrix(OUT, IN);
        DeviceBuffer firstBias = random(OUT);
        Matrix hidden = randomMatrix(BATCH, OUT);
        Matrix secondWeight = randomMatrix(3, OUT);
        DeviceBuffer secondBias = random(3);
        Matrix y = randomMatrix(BATCH, 3);
        Matrix yGradient = randomMatrix(BATCH, 3);
        Operation first = operations.linearForward(x, firstWeight, firstBias, hidden, activation);
        Operation second = operations.linearForward(hidden, secondWeight, secondBias, y, Activation.IDENTITY);
        DoubleSupplier objective = () -> {
            enqueue(first, second);
            return dot(y.data(), yGradient.data());
        };
        enqueue(first, second);

        Matrix secondWeightGradient = randomMatrix(3, OUT);
        DeviceBuffer secondBiasGradient = random(3);
        Matrix hiddenGradient = randomMatrix(BATCH, OUT);
        Matrix firstWeightGradient = randomMatrix(OUT, IN);
        DeviceBuffer firstBiasGradient = random(OUT);
        Matrix xGradient = randomMatrix(BATCH, IN);
        enqueue(operations.linearBackwardWeight(hidden, yGradient, secondWeightGradient, 0, false),
                operations.linearBackwardBias(yGradient, secondBiasGradient, false),
                operations.linearBackwardInput(yGradient, secondWeight, hiddenGradient, activation, hidden,
                        firstBiasGradient),
                operations.linearBackwardWeight(x, hiddenGradient, firstWeightGradient.rows(0, 1), 0, false),
                operations.linearBackwardWeight(x, hiddenGradient, firstWeightGradient.rows(1, 3), 1, false),
                operations.linearBackwardInput(hiddenGradient, firstWeight, xGradient, Activation.IDENTITY, null,
                        null));

        assertIsDerivative(secondWeightGradient.data(), secondWeight.data(), objective);
        assertIsDerivative(secondBiasGradient, secondBias, objective);
        assertIsDerivative(firstWeightGradient.data(), firstWeight.data(), objective);
        assertIsDerivative(firstBiasGradient, firstBias, objective);
        assertIsDerivative(xGradient.data(), x.data(), objective);
    }

    @Test
    void shouldAddUpGradientsThatAccumulate() {
        Matrix x = randomMatrix(BATCH, IN);
        Matrix yGradient = randomMatrix(BATCH, OUT);
        Matrix once = randomMatrix(OUT, IN);
        Matrix twice = randomMatrix(OUT, IN);
        DeviceBuffer biasOnce = random(OUT);
        DeviceBuffer biasTwice = random(OUT);
        enqueue(operations.linearBackwardWeight(x, yGradient, once, 0, false),
                operations.linearBackwardWeight(x, yGradient, twice, 0, false),
                operations.linearBackwardWeight(x, yGradient, twice, 0, true),
                operations.linearBackwardBias(yGradient, biasOnce, false),
                operations.linearBackwardBias(yGradient, biasTwice, false),
                operations.linearBackwardBias(yGradient, biasTwice, true));
        assertTwice(Buffers.read(once.data()), Buffers.read(twice.data()));
        assertTwice(Buffers.read(biasOnce), Buffers.read(biasTwice));
    }

    private static void assertTwice(double[] once, double[] twice) {
        for (int i = 0; i < once.length; i++) {
            assertEquals(2 * once[i], twice[i], 1e-14 * BATCH, "element " + i);
        }
    }

    @Test
    void shouldDifferentiateCrossEntropy() {
        for (int classes : new int[] {1, 2, 11}) {
            Matrix logits = randomMatrix(BATCH, classes);
            DeviceBuffer labels = Buffers.ints(device, random.ints(BATCH, 0, classes).toArray());
            DeviceBuffer statistics = zeros(LossStatistics.LENGTH);
            Matrix logitsGradient = randomMatrix(BATCH, classes);
            for (double smoothing : new double[] {0, 0.1}) {
                enqueue(operations.crossEntropy(logits, labels, smoothing, statistics, logitsGradient, 1.0 / BATCH));
                Operation loss = operations.crossEntropy(logits, labels, smoothing, statistics, null, 1);
                assertIsDerivative(logitsGradient.data(), logits.data(), () -> {
                    enqueue(loss);
                    return Buffers.read(statistics)[LossStatistics.BATCH_MEAN];
                });
            }
        }
    }

    @Test
    void shouldDifferentiateMeanSquaredError() {
        for (int columns : new int[] {1, 2, 11}) {
            Matrix outputs = randomMatrix(BATCH, columns);
            Matrix targets = randomMatrix(BATCH, columns);
            DeviceBuffer statistics = zeros(LossStatistics.LENGTH);
            Matrix outputsGradient = randomMatrix(BATCH, columns);
            enqueue(operations.meanSquaredError(outputs, targets, statistics, outputsGradient, 1.0 / BATCH));
            Operation loss = operations.meanSquaredError(outputs, targets, statistics, null, 1);
            assertIsDerivative(outputsGradient.data(), outputs.data(), () -> {
                enqueue(loss);
                return Buffers.read(statistics)[LossStatistics.BATCH_MEAN];
            });
        }
    }

    private static void assertIsDerivative(DeviceBuffer gradient, DeviceBuffer argument, DoubleSupplier objective) {
        double[] gradients = Buffers.read(gradient);
        double[] arguments = Buffers.read(argument);
        for (int i = 0; i < arguments.length; i++) {
            DeviceBuffer element = argument.slice(i, 1);
            Buffers.write(element, arguments[i] + STEP);
            double above = objective.getAsDouble();
            Buffers.write(element, arguments[i] - STEP);
            double below = objective.getAsDouble();
            Buffers.write(element, arguments[i]);
            double difference = (above - below) / (2 * STEP);
            assertEquals(difference, gradients[i], TOLERANCE * Math.max(1, Math.abs(difference)), "element " + i);
        }
    }

    private static double dot(DeviceBuffer a, DeviceBuffer b) {
        double[] left = Buffers.read(a);
        double[] right = Buffers.read(b);
        double sum = 0;
        for (int i = 0; i < left.length; i++) {
            sum += left[i] * right[i];
        }
        return sum;
    }

    private Matrix randomMatrix(int rows, int columns) {
        return new Matrix(random(rows * columns), rows, columns);
    }

    private DeviceBuffer random(int elementCount) {
        return Buffers.of(device, DataType.FLOAT64, random.doubles(elementCount, -2, 2).toArray());
    }

    private DeviceBuffer zeros(int elementCount) {
        return device.allocate(DataType.FLOAT64, elementCount);
    }

    private void enqueue(Operation... enqueued) {
        for (Operation operation : enqueued) {
            operation.enqueue(device.computeStream());
        }
    }
}

package dev.lockstep.device.reference;

import static dev.lockstep.device.reference.Golden.numbers;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.SgdHyperparameters;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The reference in FLOAT64 against PyTorch in float64: the same numbers to 1e-12, relative. */
class ReferenceGoldenTest {
    private static final double RELATIVE_TOLERANCE = 1e-12;

    private final Device device = new ReferenceDevice();
    private final Operations operations = device.operations();

    @Test
    void shouldComputeEveryActivationAsPyTorch() throws IOException {
        Set<Activation> seen = EnumSet.noneOf(Activation.class);
        for (JsonNode golden : Golden.read("activations.json")) {
            Activation activation = Activation.valueOf(golden.get("activation").asText());
            seen.add(activation);
            DeviceBuffer x = doubles(golden.get("x"));
            DeviceBuffer y = device.allocate(DataType.FLOAT64, x.elementCount());
            enqueue(operations.activationForward(activation, x, y));
            assertClose(activation + " forward", golden.get("y"), y);

            DeviceBuffer xGradient = device.allocate(DataType.FLOAT64, x.elementCount());
            boolean fromOutput = activation.derivativeFromOutput();
            enqueue(operations.activationBackward(activation, fromOutput ? null : x,
                    fromOutput ? doubles(golden.get("y")) : null, doubles(golden.get("yGradient")), xGradient));
            assertClose(activation + " backward", golden.get("xGradient"), xGradient);
        }
        assertEquals(EnumSet.allOf(Activation.class), seen);
    }

    @Test
    void shouldComputeCrossEntropyAsPyTorch() throws IOException {
        DeviceBuffer statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
        double lossSum = 0;
        double correct = 0;
        double samples = 0;
        for (JsonNode golden : Golden.read("cross-entropy.json")) {
            int rows = golden.get("rows").asInt();
            int classes = golden.get("classes").asInt();
            Matrix gradient = Matrix.allocate(device, DataType.FLOAT64, rows, classes);
            enqueue(operations.crossEntropy(new Matrix(doubles(golden.get("logits")), rows, classes),
                    Buffers.of(device, DataType.INT32, numbers(golden.get("labels"))), statistics, gradient,
                    1.0 / rows));
            assertClose("logitsGradient", golden.get("logitsGradient"), gradient.data());

            double loss = golden.get("loss").asDouble();
            lossSum += loss * rows;
            correct += golden.get("correct").asInt();
            samples += rows;
            double[] actual = Buffers.read(statistics);
            assertEquals(loss, actual[LossStatistics.BATCH_MEAN], RELATIVE_TOLERANCE * loss);
            assertEquals(lossSum, actual[LossStatistics.LOSS_SUM], RELATIVE_TOLERANCE * lossSum);
            assertEquals(correct, actual[LossStatistics.CORRECT]);
            assertEquals(samples, actual[LossStatistics.SAMPLES]);
        }
    }

    @Test
    void shouldSmoothLabelsAsPyTorch() throws IOException {
        for (JsonNode golden : Golden.read("label-smoothing.json")) {
            int rows = golden.get("rows").asInt();
            int classes = golden.get("classes").asInt();
            DeviceBuffer statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
            Matrix gradient = Matrix.allocate(device, DataType.FLOAT64, rows, classes);
            enqueue(operations.crossEntropy(new Matrix(doubles(golden.get("logits")), rows, classes),
                    Buffers.of(device, DataType.INT32, numbers(golden.get("labels"))),
                    golden.get("labelSmoothing").asDouble(), statistics, gradient, 1.0 / rows));
            assertLoss(golden, statistics, gradient);
        }
    }

    @Test
    void shouldComputeMeanSquaredErrorAsPyTorch() throws IOException {
        for (JsonNode golden : Golden.read("mean-squared-error.json")) {
            int rows = golden.get("rows").asInt();
            int columns = golden.get("columns").asInt();
            DeviceBuffer statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
            Matrix gradient = Matrix.allocate(device, DataType.FLOAT64, rows, columns);
            enqueue(operations.meanSquaredError(new Matrix(doubles(golden.get("outputs")), rows, columns),
                    new Matrix(doubles(golden.get("targets")), rows, columns), statistics, gradient, 1.0 / rows));
            assertLoss(golden, statistics, gradient);
        }
    }

    private static void assertLoss(JsonNode golden, DeviceBuffer statistics, Matrix gradient) {
        double loss = golden.get("loss").asDouble();
        double rows = golden.get("rows").asInt();
        double[] actual = Buffers.read(statistics);
        assertEquals(loss, actual[LossStatistics.BATCH_MEAN], RELATIVE_TOLERANCE * loss);
        assertEquals(loss * rows, actual[LossStatistics.LOSS_SUM], RELATIVE_TOLERANCE * loss * rows);
        assertEquals(rows, actual[LossStatistics.SAMPLES]);
        assertClose("gradient", golden.get("gradient"), gradient.data());
    }

    @Test
    void shouldUpdateBySgdAsPyTorch() throws IOException {
        for (JsonNode golden : Golden.read("sgd.json")) {
            double momentum = golden.get("momentum").asDouble();
            boolean nesterov = golden.get("nesterov").asBoolean();
            String variant = "momentum " + momentum + ", dampening " + golden.get("dampening") + ", weight decay "
                    + golden.get("weightDecay") + ", nesterov " + nesterov;
            DeviceBuffer parameter = doubles(golden.get("initial"));
            DeviceBuffer gradient = device.allocate(DataType.FLOAT64, parameter.elementCount());
            DeviceBuffer momentumBuffer = momentum == 0 ? null
                    : device.allocate(DataType.FLOAT64, parameter.elementCount());
            DeviceBuffer hyperparameters = device.allocate(DataType.FLOAT32, SgdHyperparameters.LENGTH);
            Operation update = operations.sgd(parameter, gradient, momentumBuffer, hyperparameters, nesterov, null);
            int step = 1;
            for (JsonNode expected : golden.get("steps")) {
                Buffers.write(gradient, numbers(expected.get("gradient")));
                Buffers.write(hyperparameters, golden.get("lr").asDouble(), golden.get("weightDecay").asDouble(),
                        momentum, step == 1 ? 0 : momentum,
                        step == 1 ? 1 : 1 - golden.get("dampening").asDouble());
                enqueue(update);
                assertClose("step " + step + " of " + variant, expected.get("parameter"), parameter);
                step++;
            }
            assertEquals(6, step);
        }
    }

    /** As ToTensor does: uint8 to float, then a division by 255. */
    @Test
    void shouldDivideBytesAsFloats() {
        Matrix source = Buffers.matrix(device, DataType.UINT8, 2, 3, 0, 1, 128, 254, 255, 7);
        Matrix destination = Matrix.allocate(device, DataType.FLOAT32, 2, 3);
        enqueue(operations.gatherRows(source, Buffers.ints(device, 1, 0), destination, 255));
        assertEquals("[0.99607843, 1.0, 0.02745098, 0.0, 0.003921569, 0.5019608]",
                Arrays.toString(Buffers.readFloats(destination.data())));
    }

    private DeviceBuffer doubles(JsonNode numbers) {
        return Buffers.of(device, DataType.FLOAT64, numbers(numbers));
    }

    private void enqueue(Operation operation) {
        operation.enqueue(device.computeStream());
    }

    private static void assertClose(String what, JsonNode expected, DeviceBuffer actual) {
        double[] expectedNumbers = numbers(expected);
        double[] actualNumbers = Buffers.read(actual);
        assertEquals(expectedNumbers.length, actualNumbers.length, what);
        for (int i = 0; i < actualNumbers.length; i++) {
            assertEquals(expectedNumbers[i], actualNumbers[i], RELATIVE_TOLERANCE * Math.abs(expectedNumbers[i]),
                    what + ", element " + i);
        }
    }
}

package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.reference.ReferenceDevice;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The precisions below FP32, held against the reference over numbers that the factors' type holds exactly. Their products
 * are exact in FP32 then, and sums of k of them are off by at most what OperationsContract allows FP32. A result that is
 * stored as BFLOAT16, which has 8 bits, is off by another 2⁻⁸ of itself.
 */
@Timeout(120)
class CudaPrecisionTest {
    private static final double FLOAT_ROUNDOFF = 0x1p-24;
    private static final double BFLOAT16_ROUNDOFF = 0x1p-8;
    private static final DataType BFLOAT16 = DataType.BFLOAT16;
    private static final DataType FLOAT32 = DataType.FLOAT32;

    private static final int BATCH = 33;
    private static final int IN = 72;
    private static final int OUT = 40;

    private final Random random = new Random(7);

    @Test
    void shouldMultiplyFactorsOfBfloat16InFloatPrecision() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16); Device reference = new ReferenceDevice()) {
            assertEquals(BFLOAT16, gpu.computeType());
            Matrix x = random(gpu, BFLOAT16, BATCH, IN);
            Matrix weight = random(gpu, BFLOAT16, OUT, IN);
            Matrix bias = random(gpu, BFLOAT16, 1, OUT);
            for (Activation activation : new Activation[] {Activation.IDENTITY, Activation.RELU}) {
                Matrix y = Matrix.allocate(gpu, BFLOAT16, BATCH, OUT);
                run(gpu, gpu.operations().linearForward(x, weight, bias.data(), y, activation));
                Matrix expected = Matrix.allocate(reference, DataType.FLOAT64, BATCH, OUT);
                run(reference, reference.operations().linearForward(copy(reference, x), copy(reference, weight),
                        copy(reference, bias).data(), expected, activation));
                assertClose(activation + "", expected.data(), y.data(), tolerance(IN), BFLOAT16_ROUNDOFF);
            }
        }
    }

    @Test
    void shouldCarryGradientsOfBfloat16BackAndSumThemAsFloats() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16); Device reference = new ReferenceDevice()) {
            Matrix x = random(gpu, BFLOAT16, BATCH, IN);
            Matrix weight = random(gpu, BFLOAT16, OUT, IN);
            Matrix yGradient = random(gpu, BFLOAT16, BATCH, OUT);
            Matrix xGradient = Matrix.allocate(gpu, BFLOAT16, BATCH, IN);
            DeviceBuffer sums = gpu.allocate(FLOAT32, IN);
            run(gpu, gpu.operations().linearBackwardInput(yGradient, weight, xGradient, Activation.IDENTITY, null, sums));
            Matrix expected = Matrix.allocate(reference, DataType.FLOAT64, BATCH, IN);
            run(reference, reference.operations().linearBackwardInput(copy(reference, yGradient),
                    copy(reference, weight), expected, Activation.IDENTITY, null, null));
            assertClose("xGradient", expected.data(), xGradient.data(), tolerance(OUT), BFLOAT16_ROUNDOFF);
            // The sums are those of what was stored.
            DeviceBuffer expectedSums = reference.allocate(DataType.FLOAT64, IN);
            run(reference, reference.operations().linearBackwardBias(copy(reference, xGradient), expectedSums, false));
            assertClose("biasGradient", expectedSums, sums, 4 * tolerance(BATCH) * OUT, 0);

            Matrix weightGradient = new Matrix(Buffers.of(gpu, FLOAT32, values(11 * IN)), 11, IN);
            Matrix expectedWeight = copy(reference, weightGradient);
            run(gpu, gpu.operations().linearBackwardWeight(x, yGradient, weightGradient, 13, true));
            run(reference, reference.operations().linearBackwardWeight(copy(reference, x),
                    copy(reference, yGradient), expectedWeight, 13, true));
            assertClose("weightGradient", expectedWeight.data(), weightGradient.data(), tolerance(BATCH), 0);
        }
    }

    @Test
    void shouldComputeTheLossOfBfloat16LogitsInFloatPrecision() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16); Device reference = new ReferenceDevice()) {
            for (int classes : new int[] {1, 3, 10, 300, 1111}) {
                Matrix logits = random(gpu, BFLOAT16, BATCH, classes);
                int[] label = random.ints(BATCH, 0, classes).toArray();
                DeviceBuffer statistics = gpu.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
                Matrix gradient = Matrix.allocate(gpu, BFLOAT16, BATCH, classes);
                run(gpu, gpu.operations().crossEntropy(logits, Buffers.ints(gpu, label), statistics, gradient,
                        1.0 / BATCH));
                DeviceBuffer expectedStatistics = reference.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
                Matrix expected = Matrix.allocate(reference, DataType.FLOAT64, BATCH, classes);
                run(reference, reference.operations().crossEntropy(copy(reference, logits),
                        Buffers.ints(reference, label), expectedStatistics, expected, 1.0 / BATCH));
                assertClose("statistics", expectedStatistics, statistics, 1e-6 * BATCH, 1e-6);
                assertClose("gradient", expected.data(), gradient.data(), 1e-6 / BATCH, BFLOAT16_ROUNDOFF);
            }
        }
    }

    @Test
    void shouldComputeSmoothedAndSquaredLossesOfBfloat16InFloatPrecision() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16); Device reference = new ReferenceDevice()) {
            for (int columns : new int[] {1, 3, 10, 300, 1111}) {
                Matrix outputs = random(gpu, BFLOAT16, BATCH, columns);
                int[] label = random.ints(BATCH, 0, columns).toArray();
                Matrix targets = Buffers.matrix(gpu, FLOAT32, BATCH, columns, values(BATCH * columns));
                DeviceBuffer statistics = gpu.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
                Matrix gradient = Matrix.allocate(gpu, BFLOAT16, BATCH, columns);
                DeviceBuffer expectedStatistics = reference.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
                Matrix expected = Matrix.allocate(reference, DataType.FLOAT64, BATCH, columns);

                run(gpu, gpu.operations().crossEntropy(outputs, Buffers.ints(gpu, label), 0.125, statistics, gradient,
                        1.0 / BATCH));
                run(reference, reference.operations().crossEntropy(copy(reference, outputs),
                        Buffers.ints(reference, label), 0.125, expectedStatistics, expected, 1.0 / BATCH));
                assertClose("smoothed statistics", expectedStatistics, statistics, 1e-6 * BATCH, 1e-6);
                assertClose("smoothed gradient", expected.data(), gradient.data(), 1e-6 / BATCH, BFLOAT16_ROUNDOFF);

                run(gpu, gpu.operations().meanSquaredError(outputs, targets, statistics, gradient, 1.0 / BATCH));
                run(reference, reference.operations().meanSquaredError(copy(reference, outputs), copy(reference, targets),
                        expectedStatistics, expected, 1.0 / BATCH));
                assertClose("squared statistics", expectedStatistics, statistics, 1e-6 * BATCH, 1e-6);
                assertClose("squared gradient", expected.data(), gradient.data(), 0, BFLOAT16_ROUNDOFF);
            }
        }
    }

    @Test
    void shouldGatherFloatsRoundedAndUnrounded() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16)) {
            double[] values = {0.1f, 1e-3f, -3.14159f, 7.7f, 1e9f, -0.2f};
            Matrix source = Buffers.matrix(gpu, FLOAT32, 3, 2, values);
            DeviceBuffer indices = Buffers.ints(gpu, 2, 0);
            Matrix floats = Matrix.allocate(gpu, FLOAT32, 2, 2);
            Matrix halves = Matrix.allocate(gpu, BFLOAT16, 2, 2);
            run(gpu, gpu.operations().gatherRows(source, indices, floats, 1));
            run(gpu, gpu.operations().gatherRows(source, indices, halves, 1));
            double[] expected = {values[4], values[5], values[0], values[1]};
            assertArrayEquals(expected, Buffers.read(floats.data()));
            assertClose("halves", Buffers.of(gpu, FLOAT32, expected), halves.data(), 0, BFLOAT16_ROUNDOFF);
            assertThrows(IllegalArgumentException.class, () -> gpu.operations().gatherRows(
                    new Matrix(gpu.allocate(DataType.UINT8, 6), 3, 2), indices, floats, 255));
        }
    }

    @Test
    void shouldApplyEveryActivationToBfloat16() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16); Device reference = new ReferenceDevice()) {
            DeviceBuffer x = Buffers.of(gpu, BFLOAT16, values(1003));
            DeviceBuffer gradient = Buffers.of(gpu, BFLOAT16, values(1003));
            DeviceBuffer result = gpu.allocate(BFLOAT16, 1003);
            DeviceBuffer exact = Buffers.of(reference, DataType.FLOAT64, Buffers.read(x));
            DeviceBuffer exactGradient = Buffers.of(reference, DataType.FLOAT64, Buffers.read(gradient));
            DeviceBuffer expected = reference.allocate(DataType.FLOAT64, 1003);
            for (Activation activation : Activation.values()) {
                run(gpu, gpu.operations().activationForward(activation, x, result));
                run(reference, reference.operations().activationForward(activation, exact, expected));
                assertClose(activation + " forward", expected, result, 2e-6, BFLOAT16_ROUNDOFF);
                run(gpu, gpu.operations().activationBackward(activation, x, x, gradient, result));
                run(reference, reference.operations().activationBackward(activation, exact, exact, exactGradient,
                        expected));
                assertClose(activation + " backward", expected, result, 2e-6, BFLOAT16_ROUNDOFF);
            }
        }
    }

    @Test
    void shouldRoundToNearestEvenBfloat16AndKeepNaN() {
        float[] floats = {0f, -0f, 1f, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1p-8f + 0x1p-20f, -3.14159f, Float.NaN,
            Float.intBitsToFloat(0x7f800001), Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MAX_VALUE,
            Float.MIN_VALUE, 0x1.fep-127f};
        double[] values = new double[floats.length];
        Arrays.setAll(values, i -> floats[i]);
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16)) {
            DeviceBuffer source = Buffers.of(gpu, FLOAT32, values);
            DeviceBuffer converted = gpu.allocate(BFLOAT16, values.length);
            run(gpu, gpu.operations().convert(source, converted));
            // Buffers rounds by itself when it writes.
            assertArrayEquals(Buffers.read(Buffers.of(gpu, BFLOAT16, values)), Buffers.read(converted));
        }
    }

    @Test
    void shouldConvertTheParametersThatItUpdates() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16)) {
            for (boolean buffered : new boolean[] {false, true}) {
                for (boolean nesterov : new boolean[] {false, buffered}) {
                    DeviceBuffer parameter = Buffers.of(gpu, FLOAT32, values(1001));
                    DeviceBuffer converted = gpu.allocate(BFLOAT16, 1001);
                    double[] before = Buffers.read(parameter);
                    run(gpu, gpu.operations().sgd(parameter, Buffers.of(gpu, FLOAT32, values(1001)),
                            buffered ? gpu.allocate(FLOAT32, 1001) : null,
                            Buffers.floats(gpu, 0.1, 0.01, 0.9, 0.9, 1), nesterov, converted));
                    double[] after = Buffers.read(parameter);
                    assertTrue(!Arrays.equals(before, after), "the parameters have changed");
                    assertArrayEquals(Buffers.read(Buffers.of(gpu, BFLOAT16, after)), Buffers.read(converted));
                }
            }
        }
    }

    @Test
    void shouldConvertTheParametersThatAdamUpdates() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16)) {
            DeviceBuffer parameter = Buffers.of(gpu, FLOAT32, values(1001));
            DeviceBuffer converted = gpu.allocate(BFLOAT16, 1001);
            double[] before = Buffers.read(parameter);
            run(gpu, gpu.operations().adam(parameter, Buffers.of(gpu, FLOAT32, values(1001)), gpu.allocate(FLOAT32, 1001),
                    gpu.allocate(FLOAT32, 1001), Buffers.of(gpu, DataType.FLOAT64, 0.1, 0.1, 0.9, 0.1, 3, 1e-8, 0, 1),
                    converted));
            double[] after = Buffers.read(parameter);
            assertTrue(!Arrays.equals(before, after), "the parameters have changed");
            assertArrayEquals(Buffers.read(Buffers.of(gpu, BFLOAT16, after)), Buffers.read(converted));
        }
    }

    @Test
    void shouldGatherRowsAsBfloat16() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16)) {
            double[] bytes = random.ints(5 * 37, 0, 256).asDoubleStream().toArray();
            Matrix source = Buffers.matrix(gpu, DataType.UINT8, 5, 37, bytes);
            Matrix destination = Matrix.allocate(gpu, BFLOAT16, 2, 37);
            run(gpu, gpu.operations().gatherRows(source, Buffers.ints(gpu, 3, 1), destination, 255));
            double[] expected = new double[2 * 37];
            Arrays.setAll(expected, i -> (float) bytes[(i < 37 ? 3 : 1) * 37 + i % 37] / 255f);
            assertArrayEquals(Buffers.read(Buffers.of(gpu, BFLOAT16, expected)), Buffers.read(destination.data()));
        }
    }

    @Test
    void shouldRefuseToConvertWhereItComputesInFloats() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip()) {
            DeviceBuffer source = gpu.allocate(FLOAT32, 3);
            DeviceBuffer destination = gpu.allocate(BFLOAT16, 3);
            assertThrows(IllegalArgumentException.class, () -> gpu.operations().convert(source, destination));
            assertThrows(IllegalArgumentException.class, () -> gpu.operations().sgd(source, source, null,
                    gpu.allocate(FLOAT32, 5), false, destination));
        }
    }

    /** Ten bits behind the point are what TF32 keeps of a factor. */
    @Test
    void shouldMultiplyFactorsThatTf32HoldsInFloatPrecision() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.TF32); Device reference = new ReferenceDevice()) {
            assertEquals(FLOAT32, gpu.computeType());
            double[] xs = values(BATCH * IN);
            double[] weights = values(OUT * IN);
            for (double[] numbers : new double[][] {xs, weights}) {
                Arrays.setAll(numbers, i -> Math.rint(numbers[i] * 512) / 512);
            }
            assertClose("exact factors", forward(reference, DataType.FLOAT64, xs, weights),
                    forward(gpu, FLOAT32, xs, weights), tolerance(IN), 0);
        }
    }

    /** Others lose at most 2⁻¹⁰ of themselves, whether they are rounded or cut off. */
    @Test
    void shouldMultiplyAnyFactorsInTf32() {
        try (Device gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.TF32); Device reference = new ReferenceDevice()) {
            double[] xs = values(BATCH * IN);
            double[] weights = values(OUT * IN);
            // Each of the IN products is below 1, and both factors are off.
            assertClose("factors", forward(reference, DataType.FLOAT64, xs, weights), forward(gpu, FLOAT32, xs, weights),
                    2 * IN * 0x1.01p-10, 0);
        }
    }

    private static DeviceBuffer forward(Device device, DataType type, double[] xs, double[] weights) {
        Matrix y = Matrix.allocate(device, type, BATCH, OUT);
        run(device, device.operations().linearForward(Buffers.matrix(device, type, BATCH, IN, xs),
                Buffers.matrix(device, type, OUT, IN, weights), null, y, Activation.IDENTITY));
        return y.data();
    }

    /** In [−1, 1). */
    private double[] values(int count) {
        return random.doubles(count, -1, 1).map(value -> (float) value).toArray();
    }

    private Matrix random(Device device, DataType type, int rows, int columns) {
        return Buffers.matrix(device, type, rows, columns, values(rows * columns));
    }

    /** The same numbers, as FLOAT64. */
    private static Matrix copy(Device reference, Matrix matrix) {
        return Buffers.matrix(reference, DataType.FLOAT64, matrix.rows(), matrix.columns(),
                Buffers.read(matrix.data()));
    }

    private static void run(Device device, Operation operation) {
        operation.enqueue(device.computeStream());
        device.computeStream().synchronize();
    }

    /** Of a sum of {@code length} products of numbers in [−1, 1): see OperationsContract. */
    private static double tolerance(int length) {
        return 2 * (length + 4) * FLOAT_ROUNDOFF;
    }

    private static void assertClose(String what, DeviceBuffer expected, DeviceBuffer actual, double absolute,
            double relative) {
        double[] expecteds = Buffers.read(expected);
        double[] actuals = Buffers.read(actual);
        for (int i = 0; i < expecteds.length; i++) {
            assertEquals(expecteds[i], actuals[i], absolute + relative * Math.abs(expecteds[i]),
                    what + ", element " + i);
        }
    }
}

package dev.lockstep.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.reference.ReferenceDevice;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every backend must compute where gradients are clipped. A backend's test subclasses it. */
@Timeout(120)
public abstract class ClippingContract {
    private static final double UNIT_ROUNDOFF = Math.scalb(1.0, -24);
    private static final double DOUBLE_TOLERANCE = 1e-12;
    /** Around the widths of vectors, and around the parts that a device sums apart. */
    private static final int[] SIZES = {1, 2, 7, 31, 32, 33, 257, 1000, 16_383, 16_384, 16_385, 70_000, 300_001};

    private final Random random = new Random(6);
    private Device device;
    private Operations operations;

    /** A device of the backend under test; the test closes it. */
    protected abstract Device newDevice();

    @BeforeEach
    void openDevice() {
        device = newDevice();
        operations = device.operations();
    }

    @AfterEach
    void closeDevice() {
        // None where there is no such device, and the test was skipped.
        if (device != null) {
            device.close();
        }
    }

    private double[] values(int count) {
        double[] values = new double[count];
        Arrays.setAll(values, i -> (float) random.nextGaussian());
        return values;
    }

    private void run(Operation operation) {
        operation.enqueue(device.computeStream());
        device.computeStream().synchronize();
    }

    @Test
    void shouldSumSquaresInDouble() {
        DeviceBuffer result = device.allocate(DataType.FLOAT64, 3);
        for (int size : SIZES) {
            double[] values = values(size);
            run(operations.sumOfSquares(Buffers.floats(device, values), result.slice(1, 1)));
            double expected = Arrays.stream(values).map(x -> x * x).sum();
            double[] actual = Buffers.read(result);
            assertEquals(expected, actual[1], DOUBLE_TOLERANCE * expected, size + " elements");
            assertEquals(0, actual[0]);
            assertEquals(0, actual[2]);
        }
    }

    @Test
    void shouldSumSquaresToTheSameBitsEachTime() {
        DeviceBuffer x = Buffers.floats(device, values(300_001));
        DeviceBuffer result = device.allocate(DataType.FLOAT64, 1);
        Operation operation = operations.sumOfSquares(x, result);
        run(operation);
        double[] first = Buffers.read(result);
        run(operation);
        assertArrayEquals(first, Buffers.read(result));
    }

    @Test
    void shouldTellASumThatIsNotFinite() {
        DeviceBuffer result = device.allocate(DataType.FLOAT64, 1);
        for (double value : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            double[] values = values(1000);
            values[998] = value;
            run(operations.sumOfSquares(Buffers.floats(device, values), result));
            assertEquals(value, Buffers.read(result)[0]);
        }
    }

    @Test
    void shouldGiveTheCoefficientThatLeavesTheNormAtItsMaximum() {
        assertEquals(2 / (5 + 1e-6), coefficient(2, 9, 16), 1e-15);
        assertEquals(1, coefficient(6, 9, 16));
        assertEquals(1, coefficient(0.5, 0, 0));
        assertEquals(0.5 / (1 + 1e-6), coefficient(0.5, 0, 0, 0, 1), 1e-15);
        assertEquals(0, coefficient(2, 1, Double.POSITIVE_INFINITY));
        assertTrue(Double.isNaN(coefficient(2, 1, Double.NaN)));
        double[] many = new double[2500];
        Arrays.fill(many, 0.01);
        assertEquals(2 / (5 + 1e-6), coefficient(2, many), 1e-13);
    }

    private double coefficient(double maximumNorm, double... sums) {
        DeviceBuffer coefficient = device.allocate(DataType.FLOAT64, 1);
        run(operations.clipCoefficient(Buffers.of(device, DataType.FLOAT64, sums), maximumNorm, coefficient));
        return Buffers.read(coefficient)[0];
    }

    @Test
    void shouldScaleAndLimitEachElement() {
        for (int size : SIZES) {
            double[] values = values(size);
            clip(values, 0.25, Double.POSITIVE_INFINITY);
            clip(values, 0.25, 0.125);
            clip(values, 1, 0.5);
            clip(values, Double.NaN, 0.5);
            clip(values, 1, Double.POSITIVE_INFINITY);
        }
        clip(new double[] {Double.NaN, 2, -3, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -0.0}, 0.75, 1);
        clip(new double[] {Double.NaN, 2, -3, 0.5}, 1, Double.POSITIVE_INFINITY);
    }

    private void clip(double[] values, double coefficient, double limit) {
        double[] expected = Arrays.stream(values).map(x -> Math.max(-limit, Math.min(limit, coefficient * x))).toArray();
        DeviceBuffer factor = Buffers.of(device, DataType.FLOAT64, coefficient);
        for (DeviceBuffer given : new DeviceBuffer[] {factor, null}) {
            if (given != null || coefficient == 1) {
                double[] surrounded = new double[values.length + 2];
                Arrays.fill(surrounded, 90);
                System.arraycopy(values, 0, surrounded, 1, values.length);
                DeviceBuffer all = Buffers.floats(device, surrounded);
                run(operations.clip(all.slice(1, values.length), given, limit));
                double[] actual = Buffers.read(all);
                for (int i = 0; i < values.length; i++) {
                    if (Double.isNaN(expected[i])) {
                        assertTrue(Double.isNaN(actual[i + 1]), "element " + i + " is " + actual[i + 1]);
                    } else {
                        assertEquals(expected[i], actual[i + 1], 2 * UNIT_ROUNDOFF * Math.abs(expected[i]), "element " + i);
                    }
                }
                assertEquals(90, actual[0]);
                assertEquals(90, actual[values.length + 1]);
            }
        }
    }

    @Test
    void shouldReadTheCoefficientWhenItRuns() {
        DeviceBuffer coefficient = Buffers.of(device, DataType.FLOAT64, 0.5);
        DeviceBuffer gradient = Buffers.floats(device, 4, 8);
        Operation clip = operations.clip(gradient, coefficient, 3);
        run(clip);
        assertArrayEquals(new double[] {2, 3}, Buffers.read(gradient));
        Buffers.write(coefficient, 0.25);
        run(clip);
        assertArrayEquals(new double[] {0.5, 0.75}, Buffers.read(gradient));
    }

    @Test
    void shouldRefuseWhatDoesNotFit() {
        DeviceBuffer floats = device.allocate(DataType.FLOAT32, 4);
        DeviceBuffer one = device.allocate(DataType.FLOAT64, 1);
        DeviceBuffer two = device.allocate(DataType.FLOAT64, 2);
        refuse(() -> operations.sumOfSquares(floats, two));
        refuse(() -> operations.sumOfSquares(device.allocate(DataType.INT32, 4), one));
        refuse(() -> operations.sumOfSquares(floats, floats.slice(0, 1)));
        refuse(() -> operations.clipCoefficient(floats, 1, one));
        refuse(() -> operations.clipCoefficient(two, 0, one));
        refuse(() -> operations.clipCoefficient(two, Double.POSITIVE_INFINITY, one));
        refuse(() -> operations.clip(floats, two, 1));
        refuse(() -> operations.clip(floats, null, 0));
        refuse(() -> operations.clip(floats, null, Double.NaN));
        try (Device other = new ReferenceDevice()) {
            refuse(() -> operations.sumOfSquares(floats, other.allocate(DataType.FLOAT64, 1)));
        }
    }

    private static void refuse(Runnable call) {
        assertThrows(IllegalArgumentException.class, call::run);
    }
}

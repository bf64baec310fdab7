package dev.lockstep.device;

import static org.junit.jupiter.api.Assertions.fail;

import dev.lockstep.device.reference.ReferenceDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.DoubleStream;

/**
 * Runs operations on a device, in FLOAT32, and on the reference, in FLOAT64, over the same numbers, and compares. All
 * buffers are slices at odd offsets of larger ones; after each comparison nothing but the named outputs may have
 * changed on the device, neither inputs nor the elements around the slices.
 */
final class Comparison implements AutoCloseable {
    /** Replays a failed run: {@code mvn test -Dtest=… -Dlockstep.seed=…}. */
    private static final long SEED = Long.getLong("lockstep.seed", System.nanoTime());

    private static final int LEADING_ELEMENTS = 3;
    private static final int TRAILING_ELEMENTS = 5;
    private static final double GUARD = 90;

    private final Random random = new Random(SEED);
    private final Side device;
    private final Side reference;
    private final List<Twin> twins = new ArrayList<>();

    Comparison(Device device) {
        this.device = new Side(device);
        this.reference = new Side(new ReferenceDevice());
    }

    /** A matrix, or a vector of one row, on both sides. */
    static final class Twin {
        private final int rows;
        private final int columns;
        private final DeviceBuffer surroundings;
        private final DeviceBuffer actual;
        private final DeviceBuffer expected;
        private double[] before;

        private Twin(int rows, int columns, DeviceBuffer surroundings, DeviceBuffer expected) {
            this.rows = rows;
            this.columns = columns;
            this.surroundings = surroundings;
            this.actual = surroundings.slice(LEADING_ELEMENTS, expected.elementCount());
            this.expected = expected;
        }
    }

    /** One of the two devices, with its half of each twin. */
    final class Side {
        private final Device owner;

        private Side(Device owner) {
            this.owner = owner;
        }

        /** Null for null. */
        DeviceBuffer buffer(Twin twin) {
            if (twin == null) {
                return null;
            }
            return this == device ? twin.actual : twin.expected;
        }

        /** Null for null. */
        Matrix matrix(Twin twin) {
            return twin == null ? null : new Matrix(buffer(twin), twin.rows, twin.columns);
        }
    }

    /** Makes the same operation on either side. */
    interface Maker {
        Operation make(Operations operations, Side of);
    }

    /** Uniform in [−1, 1). */
    double uniform() {
        return 2 * random.nextDouble() - 1;
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    double[] doubles(int count, DoubleSupplier values) {
        return DoubleStream.generate(values).limit(count).toArray();
    }

    /** FLOAT32, uniform in [−1, 1). */
    Twin random(int rows, int columns) {
        return twin(DataType.FLOAT32, rows, columns, doubles(rows * columns, this::uniform));
    }

    /** FLOAT32, filled with NaN, for results that overwrite: who reads it shows it. */
    Twin output(int rows, int columns) {
        double[] values = new double[rows * columns];
        Arrays.fill(values, Double.NaN);
        return twin(DataType.FLOAT32, rows, columns, values);
    }

    Twin vector(DataType type, double... values) {
        return twin(type, 1, values.length, values);
    }

    /** FLOAT32 numbers become FLOAT64 on the reference's side, without a change of value. */
    Twin twin(DataType type, int rows, int columns, double... values) {
        return twin(type, type == DataType.FLOAT32 ? DataType.FLOAT64 : type, rows, columns, values);
    }

    /** FLOAT32 on both sides. */
    Twin hyperparameters() {
        return twin(DataType.FLOAT32, DataType.FLOAT32, 1, SgdHyperparameters.LENGTH,
                new double[SgdHyperparameters.LENGTH]);
    }

    private Twin twin(DataType type, DataType expectedType, int rows, int columns, double... values) {
        double[] guards = new double[LEADING_ELEMENTS + values.length + TRAILING_ELEMENTS];
        Arrays.fill(guards, GUARD);
        DeviceBuffer surroundings = Buffers.of(device.owner, type, guards);
        DeviceBuffer expected = reference.owner.allocate(expectedType, values.length);
        Twin twin = new Twin(rows, columns, surroundings, expected);
        write(twin, values);
        twins.add(twin);
        return twin;
    }

    /** Gives both sides the same numbers, rounded to the device's type. */
    void write(Twin twin, double... values) {
        Buffers.write(twin.actual, values);
        Buffers.write(twin.expected, Buffers.read(twin.actual));
        twin.before = Buffers.read(twin.surroundings);
    }

    void randomize(Twin twin) {
        write(twin, doubles(twin.rows * twin.columns, this::uniform));
    }

    /** Makes and runs the operation on both sides. */
    void run(Maker maker) {
        prepare(maker).run();
    }

    /** Makes the operation on both sides; each run of the result runs both. */
    Runnable prepare(Maker maker) {
        Operation actual = maker.make(device.owner.operations(), device);
        Operation expected = maker.make(reference.owner.operations(), reference);
        return () -> {
            actual.enqueue(device.owner.computeStream());
            device.owner.computeStream().synchronize();
            expected.enqueue(reference.owner.computeStream());
        };
    }

    /** The device's numbers. */
    double[] actual(Twin twin) {
        return Buffers.read(twin.actual);
    }

    double[] expected(Twin twin) {
        return Buffers.read(twin.expected);
    }

    /**
     * Demands |actual − expected| ≤ absolute + relative · |expected| of each element of {@code output} (NaN where NaN
     * is expected), and that nothing else has changed since the last call.
     */
    void check(String what, Twin output, double absolute, double relative) {
        checkClose(what, output, absolute, relative);
        checkOnlyChanged(what, output);
    }

    /** The first half of {@link #check}, where an operation has several outputs. */
    void checkClose(String what, Twin output, double absolute, double relative) {
        double[] actual = actual(output);
        double[] expected = expected(output);
        for (int i = 0; i < actual.length; i++) {
            double tolerance = absolute + relative * Math.abs(expected[i]);
            boolean same = Double.isNaN(expected[i]) ? Double.isNaN(actual[i])
                    : actual[i] == expected[i] || Math.abs(actual[i] - expected[i]) <= tolerance;
            if (!same) {
                failWithSeed(what + ": element " + i + " of [" + output.rows + ", " + output.columns + "] is "
                        + actual[i] + ", not " + expected[i] + "; tolerance " + tolerance);
            }
        }
    }

    /** The second half of {@link #check}. */
    void checkOnlyChanged(String what, Twin... outputs) {
        List<Twin> changing = Arrays.asList(outputs);
        for (Twin twin : twins) {
            double[] now = Buffers.read(twin.surroundings);
            for (int i = 0; i < now.length; i++) {
                boolean within = i >= LEADING_ELEMENTS && i < now.length - TRAILING_ELEMENTS;
                boolean mayChange = within && changing.contains(twin);
                if (!mayChange && Double.compare(now[i], twin.before[i]) != 0) {
                    failWithSeed(what + ": wrote " + now[i] + " over " + twin.before[i] + " at element "
                            + (i - LEADING_ELEMENTS) + " of " + (within ? "an input" : "what surrounds a buffer"));
                }
            }
            twin.before = now;
        }
    }

    /** No longer watches these for changes; a test with many shapes would watch them all to its end. */
    void forget(Twin... done) {
        twins.removeAll(Arrays.asList(done));
    }

    static void failWithSeed(String message) {
        fail(message + " (replay with -Dlockstep.seed=" + SEED + ")");
    }

    @Override
    public void close() {
        device.owner.close();
        reference.owner.close();
    }
}

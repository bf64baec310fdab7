package dev.lockstep.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Comparison.Twin;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/**
 * Label smoothing and mean squared error of every backend, held against the reference in double precision, with the
 * tolerances of {@link OperationsContract}. A backend's test subclasses it.
 */
@Timeout(120)
public abstract class LossesContract {
    private static final double UNIT_ROUNDOFF = Math.scalb(1.0, -24);
    private static final double FUNCTION_TOLERANCE = 1e-6;
    private static final int[] BATCHES = {1, 2, 3, 17, 64, 127};
    private static final int[] COLUMNS = {1, 2, 5, 10, 17, 65, 1000};

    private Comparison comparison;

    /** A device of the backend under test; the test closes it. */
    protected abstract Device newDevice();

    @BeforeEach
    void openDevices() {
        comparison = new Comparison(newDevice());
    }

    @AfterEach
    void closeDevices() {
        // None where there is no such device, and the test was skipped.
        if (comparison != null) {
            comparison.close();
        }
    }

    @Test
    void shouldSpreadLabelsOverTheClasses() {
        for (int batch : BATCHES) {
            for (int classes : COLUMNS) {
                for (double smoothing : new double[] {0.125, 1}) {
                    checkSmoothing(batch, classes, 4, smoothing);
                }
            }
        }
        checkSmoothing(17, 10, 1e4, 0.125);
        checkSmoothing(5, 65, 1e30, 0.125);
    }

    /** Three batches; the last one's gradient is not asked for. */
    private void checkSmoothing(int batch, int classes, double scale, double smoothing) {
        Twin logits = comparison.output(batch, classes);
        Twin labels = comparison.vector(DataType.INT32, new double[batch]);
        Twin statistics = comparison.vector(DataType.FLOAT64, new double[LossStatistics.LENGTH]);
        Twin gradient = comparison.output(batch, classes);
        for (Twin wanted : new Twin[] {gradient, gradient, null}) {
            comparison.write(logits, comparison.doubles(batch * classes, () -> scale * comparison.uniform()));
            comparison.write(labels, comparison.doubles(batch, () -> comparison.below(classes)));
            comparison.run((operations, of) -> operations.crossEntropy(of.matrix(logits), of.buffer(labels), smoothing,
                    of.buffer(statistics), of.matrix(wanted), 1.0 / batch));
            String what = "crossEntropy of [" + batch + ", " + classes + "] smoothed by " + smoothing;
            comparison.checkClose(what, statistics, 1e-6 * batch, 1e-6);
            comparison.checkClose(what, gradient, FUNCTION_TOLERANCE / batch, 0);
            comparison.checkOnlyChanged(what, statistics, wanted);
        }
        comparison.forget(logits, labels, statistics, gradient);
    }

    @Test
    void shouldComputeMeanSquaredErrorAndAddUpItsStatistics() {
        for (int batch : BATCHES) {
            for (int columns : COLUMNS) {
                checkMeanSquaredError(batch, columns, 4);
            }
        }
        checkMeanSquaredError(17, 5, 1e15);
        checkMeanSquaredError(2003, 41, 1);
        checkMeanSquaredError(3, 100_003, 1);
    }

    /** Three batches; the last one's gradient is not asked for. */
    private void checkMeanSquaredError(int batch, int columns, double scale) {
        Twin outputs = comparison.output(batch, columns);
        Twin targets = comparison.output(batch, columns);
        Twin statistics = comparison.vector(DataType.FLOAT64, new double[LossStatistics.LENGTH]);
        Twin gradient = comparison.output(batch, columns);
        for (Twin wanted : new Twin[] {gradient, gradient, null}) {
            comparison.write(outputs, comparison.doubles(batch * columns, () -> scale * comparison.uniform()));
            comparison.write(targets, comparison.doubles(batch * columns, () -> scale * comparison.uniform()));
            comparison.run((operations, of) -> operations.meanSquaredError(of.matrix(outputs), of.matrix(targets),
                    of.buffer(statistics), of.matrix(wanted), 1.0 / batch));
            String what = "meanSquaredError of [" + batch + ", " + columns + "]";
            comparison.checkClose(what, statistics, 0, 1e-6);
            // The difference, the factor and their product are each rounded once.
            comparison.checkClose(what, gradient, 0, 4 * UNIT_ROUNDOFF);
            comparison.checkOnlyChanged(what, statistics, wanted);
        }
        comparison.forget(outputs, targets, statistics, gradient);
    }

    @Test
    void shouldNoteTheFirstBatchWhoseErrorIsNotANumber() {
        for (double wrong : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            Twin outputs = comparison.random(3, 17);
            Twin targets = comparison.random(3, 17);
            Twin statistics = comparison.vector(DataType.FLOAT64, new double[LossStatistics.LENGTH]);
            Runnable loss = comparison.prepare((operations, of) -> operations.meanSquaredError(of.matrix(outputs),
                    of.matrix(targets), of.buffer(statistics), null, 1));
            loss.run();
            double[] values = comparison.actual(outputs);
            values[20] = wrong;
            comparison.write(outputs, values);
            loss.run();
            loss.run();
            comparison.check("meanSquaredError of " + wrong, statistics, 0, 1e-6);
            assertEquals(wrong, comparison.actual(statistics)[LossStatistics.BATCH_MEAN]);
            assertEquals(2, comparison.actual(statistics)[LossStatistics.FIRST_NOT_FINITE]);
        }
    }

    @Test
    void shouldRefuseArgumentsThatDoNotAgree() {
        try (Device device = newDevice()) {
            Operations operations = device.operations();
            Matrix outputs = Matrix.allocate(device, DataType.FLOAT32, 2, 3);
            Matrix targets = Matrix.allocate(device, DataType.FLOAT32, 2, 3);
            Matrix other = Matrix.allocate(device, DataType.FLOAT32, 3, 2);
            Matrix integers = Matrix.allocate(device, DataType.INT32, 2, 3);
            DeviceBuffer labels = device.allocate(DataType.INT32, 2);
            DeviceBuffer statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
            DeviceBuffer floats = device.allocate(DataType.FLOAT32, LossStatistics.LENGTH);
            for (double smoothing : new double[] {-0.1, 1.1, Double.NaN}) {
                refuse(() -> operations.crossEntropy(outputs, labels, smoothing, statistics, null, 1));
            }
            refuse(() -> operations.meanSquaredError(outputs, other, statistics, null, 1));
            refuse(() -> operations.meanSquaredError(outputs, integers, statistics, null, 1));
            refuse(() -> operations.meanSquaredError(outputs, targets, floats, null, 1));
            refuse(() -> operations.meanSquaredError(outputs, targets, statistics, other, 1));
            refuse(() -> operations.meanSquaredError(outputs, targets, statistics, null, Double.POSITIVE_INFINITY));
        }
    }

    private static void refuse(Executable making) {
        String message = assertThrows(IllegalArgumentException.class, making).getMessage();
        assertTrue(message != null && !message.isBlank(), "a refusal without a reason");
    }
}

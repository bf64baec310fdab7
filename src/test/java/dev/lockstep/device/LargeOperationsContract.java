package dev.lockstep.device;

import dev.lockstep.device.Comparison.Twin;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Operations large enough that a backend takes its other ways: the kernels for large products, and parts for several
 * threads. Odd sizes, so that the parts are uneven.
 */
@Timeout(120)
public abstract class LargeOperationsContract {
    private static final double UNIT_ROUNDOFF = 0x1p-24;

    private Comparison comparison;

    /** A new device of the backend under test. */
    protected abstract Device newDevice();

    @BeforeEach
    void openDevice() {
        comparison = new Comparison(newDevice());
    }

    @AfterEach
    void closeDevice() {
        // None where there is no such device, and the test was skipped.
        if (comparison != null) {
            comparison.close();
        }
    }

    /** As a weight of many rows is computed: some rows at a time, from columns in the middle of the output's gradient. */
    @Test
    void shouldComputeSomeRowsOfALargeWeightGradient() {
        int batch = 37;
        int in = 911;
        int[] rowEnds = {1024, 2049, 3073};
        Twin x = comparison.random(batch, in);
        Twin yGradient = comparison.random(batch, 3073);
        Twin weightGradient = comparison.output(3073, in);
        int first = 0;
        for (int end : rowEnds) {
            int firstRow = first;
            comparison.run((operations, of) -> operations.linearBackwardWeight(of.matrix(x), of.matrix(yGradient),
                    of.matrix(weightGradient).rows(firstRow, end - firstRow), firstRow, false));
            comparison.check("rows " + firstRow + " to " + (end - 1) + " of a large weight gradient", weightGradient,
                    productTolerance(batch), 0);
            first = end;
        }
    }

    @Test
    void shouldCarryALargeGradientThroughLayerAndActivation() {
        int batch = 67;
        int in = 1031;
        int out = 517;
        Twin yGradient = comparison.random(batch, out);
        Twin weight = comparison.random(out, in);
        Twin x = comparison.random(batch, in);
        Twin xGradient = comparison.output(batch, in);
        comparison.run((operations, of) -> operations.linearBackwardInput(of.matrix(yGradient), of.matrix(weight),
                of.matrix(xGradient), Activation.RELU, of.matrix(x), null));
        comparison.check("a large linearBackwardInput", xGradient, productTolerance(out), 0);
    }

    @Test
    void shouldComputeALargeForwardPass() {
        int batch = 67;
        int in = 1031;
        int out = 517;
        Twin x = comparison.random(batch, in);
        Twin weight = comparison.random(out, in);
        Twin bias = comparison.random(1, out);
        Twin y = comparison.output(batch, out);
        comparison.run((operations, of) -> operations.linearForward(of.matrix(x), of.matrix(weight), of.buffer(bias),
                of.matrix(y), Activation.RELU));
        comparison.check("a large linearForward", y, productTolerance(in), 0);
    }

    @Test
    void shouldSumManyColumns() {
        Twin yGradient = comparison.random(301, 1033);
        Twin biasGradient = comparison.random(1, 1033);
        comparison.run((operations, of) -> operations.linearBackwardBias(of.matrix(yGradient),
                of.buffer(biasGradient), true));
        comparison.check("a large linearBackwardBias", biasGradient, 2 * productTolerance(301), 0);
    }

    @Test
    void shouldActivateManyElements() {
        int count = 200_003;
        Twin x = comparison.random(1, count);
        Twin y = comparison.output(1, count);
        comparison.run((operations, of) -> operations.activationForward(Activation.RELU, of.buffer(x), of.buffer(y)));
        comparison.check("relu of many", y, 0, 0);
        Twin yGradient = comparison.random(1, count);
        Twin xGradient = comparison.output(1, count);
        comparison.run((operations, of) -> operations.activationBackward(Activation.RELU, of.buffer(x),
                of.buffer(y), of.buffer(yGradient), of.buffer(xGradient)));
        comparison.check("relu backward of many", xGradient, 0, 0);
    }

    @Test
    void shouldComputeTheLossOfManySamples() {
        int batch = 2003;
        int classes = 41;
        Twin logits = comparison.random(batch, classes);
        Twin labels = comparison.vector(DataType.INT32, comparison.doubles(batch, () -> comparison.below(classes)));
        Twin statistics = comparison.vector(DataType.FLOAT64, new double[LossStatistics.LENGTH]);
        Twin gradient = comparison.output(batch, classes);
        comparison.run((operations, of) -> operations.crossEntropy(of.matrix(logits), of.buffer(labels),
                of.buffer(statistics), of.matrix(gradient), 1.0 / batch));
        comparison.checkClose("gradient of many samples' loss", gradient, 1e-6 / batch, 0);
        comparison.checkClose("statistics of many samples", statistics, 0, 1e-6);
    }

    @Test
    void shouldGatherManyRows() {
        int columns = 1031;
        Twin source = comparison.twin(DataType.UINT8, 53, columns,
                comparison.doubles(53 * columns, () -> comparison.below(256)));
        Twin indices = comparison.vector(DataType.INT32, comparison.doubles(211, () -> comparison.below(53)));
        Twin destination = comparison.output(211, columns);
        comparison.run((operations, of) -> operations.gatherRows(of.matrix(source), of.buffer(indices),
                of.matrix(destination), 255));
        comparison.check("a large gatherRows", destination, UNIT_ROUNDOFF, 0);
    }

    @Test
    void shouldUpdateManyParameters() {
        int count = 200_003;
        for (boolean nesterov : new boolean[] {false, true}) {
            Twin parameter = comparison.random(1, count);
            Twin gradient = comparison.random(1, count);
            Twin momentumBuffer = comparison.random(1, count);
            Twin hyperparameters = comparison.hyperparameters();
            comparison.write(hyperparameters, 0.1, 0.01, 0.9, 0.9, 1);
            comparison.run((operations, of) -> operations.sgd(of.buffer(parameter), of.buffer(gradient),
                    of.buffer(momentumBuffer), of.buffer(hyperparameters), nesterov, null));
            comparison.checkClose("sgd of many", parameter, 8 * UNIT_ROUNDOFF, 0);
            comparison.checkClose("momentum of many", momentumBuffer, 8 * UNIT_ROUNDOFF, 0);
        }
    }

    @Test
    void shouldUpdateManyParametersByAdam() {
        int count = 200_003;
        Twin parameter = comparison.random(1, count);
        Twin gradient = comparison.random(1, count);
        Twin average = comparison.random(1, count);
        Twin squareAverage = comparison.vector(DataType.FLOAT32, comparison.doubles(count, () -> 0.5 + comparison.below(9)));
        Twin numbers = comparison.vector(DataType.FLOAT64, 0.1, 0.25, 0.875, 0.125, 1.5, 1e-8, 0.01, 0.99);
        comparison.run((operations, of) -> operations.adam(of.buffer(parameter), of.buffer(gradient), of.buffer(average),
                of.buffer(squareAverage), of.buffer(numbers), null));
        comparison.checkClose("adam of many", parameter, 8 * UNIT_ROUNDOFF, 0);
        comparison.checkClose("average of many", average, 8 * UNIT_ROUNDOFF, 0);
        comparison.checkClose("square average of many", squareAverage, 0, 8 * UNIT_ROUNDOFF);
    }

    /** Of a sum of {@code length} products of numbers in [−1, 1). */
    private static double productTolerance(int length) {
        return 2 * (length + 4) * UNIT_ROUNDOFF;
    }
}

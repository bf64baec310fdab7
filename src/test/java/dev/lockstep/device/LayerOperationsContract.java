package dev.lockstep.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.Comparison.Side;
import dev.lockstep.device.Comparison.Twin;
import dev.lockstep.device.LayerOperations.RandomSource;
import dev.lockstep.device.LayerOperations.RunningStatistics;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What {@link OperationsContract} is for {@link Operations}, for norms, dropout and residual blocks. A normalised number
 * is of the order of 1 and has passed some four roundings of numbers up to 4; sums of k products grow as explained there.
 */
@Timeout(120)
public abstract class LayerOperationsContract {
    private static final double UNIT_ROUNDOFF = Math.scalb(1.0, -24);
    private static final double EPS = 1e-5;
    /** Batch and features; the last ones are several slices and several blocks on a GPU, several threads on a CPU. */
    private static final int[][] SHAPES = {{2, 1}, {2, 3}, {3, 1}, {5, 17}, {17, 31}, {31, 64}, {64, 65}, {65, 127},
        {127, 3}, {300, 40}, {1030, 70}, {40, 2000}};

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
    void shouldNormaliseSamples() {
        for (int[] shape : SHAPES) {
            int batch = shape[0];
            int features = shape[1];
            Twin x = shifted(batch, features);
            Twin weight = comparison.random(1, features);
            Twin bias = comparison.random(1, features);
            Twin y = comparison.output(batch, features);
            Twin statistics = comparison.output(1, 2 * batch);
            comparison.run((operations, of) -> operations.layers().layerNormForward(of.matrix(x), of.buffer(weight),
                    of.buffer(bias), EPS, of.matrix(y), of.buffer(statistics)));
            String what = "layerNormForward of " + Arrays.toString(shape);
            comparison.checkClose(what, y, toleranceOfNormalised(statistics, features), 0);
            comparison.checkClose(what, statistics, tolerance(features), 64 * UNIT_ROUNDOFF);
            comparison.checkOnlyChanged(what, y, statistics);

            Twin yGradient = comparison.random(batch, features);
            Twin xGradient = comparison.output(batch, features);
            comparison.write(statistics, statistics(batch));
            comparison.run((operations, of) -> operations.layers().layerNormBackward(of.matrix(x), of.matrix(yGradient),
                    of.buffer(weight), of.buffer(statistics), of.matrix(xGradient)));
            comparison.check("layerNormBackward of " + Arrays.toString(shape), xGradient, 16 * tolerance(features), 0);

            Twin sums = comparison.vector(DataType.FLOAT64, new double[2 * features]);
            comparison.run((operations, of) -> operations.layers().layerNormBackwardSums(of.matrix(x),
                    of.matrix(yGradient), of.buffer(statistics), of.buffer(sums)));
            comparison.check("layerNormBackwardSums of " + Arrays.toString(shape), sums, 16 * batch * UNIT_ROUNDOFF, 0);
            comparison.forget(x, weight, bias, y, statistics, yGradient, xGradient, sums);
        }
    }

    @Test
    void shouldSumFeaturesOverTheBatchWithAllTheirDigits() {
        for (int[] shape : SHAPES) {
            Twin x = shifted(shape[0], shape[1]);
            Twin sums = comparison.vector(DataType.FLOAT64, new double[2 * shape[1] + 1]);
            comparison.run((operations, of) -> operations.layers().batchNormSums(of.matrix(x), of.buffer(sums)));
            comparison.check("batchNormSums of " + Arrays.toString(shape), sums, 1e-13 * shape[0], 1e-13);
            assertEquals(shape[0], comparison.actual(sums)[2 * shape[1]]);
            comparison.forget(x, sums);
        }
    }

    @Test
    void shouldKeepRunningStatisticsAndCountBatches() {
        for (int features : new int[] {1, 3, 17, 64, 1001}) {
            Twin sums = comparison.vector(DataType.FLOAT64, new double[2 * features + 1]);
            Twin statistics = comparison.output(1, 2 * features);
            Twin mean = comparison.random(1, features);
            Twin variance = positive(features);
            Twin batches = comparison.vector(DataType.INT64, 40);
            Runnable update = comparison.prepare((operations, of) -> operations.layers().batchNormStatistics(of.buffer(sums),
                    EPS, 0.3, running(of, mean, variance, batches), of.buffer(statistics)));
            for (int batch = 1; batch <= 3; batch++) {
                comparison.write(sums, sums(features));
                update.run();
                String what = "batchNormStatistics of " + features + " features";
                comparison.checkClose(what, statistics, 4 * UNIT_ROUNDOFF, 4 * UNIT_ROUNDOFF);
                comparison.checkClose(what, mean, 8 * UNIT_ROUNDOFF, 0);
                comparison.checkClose(what, variance, 8 * UNIT_ROUNDOFF, 4 * UNIT_ROUNDOFF);
                comparison.checkOnlyChanged(what, statistics, mean, variance, batches);
                assertEquals(40 + batch, comparison.actual(batches)[0]);
            }
            comparison.run((operations, of) -> operations.layers().batchNormRunningStatistics(
                    running(of, mean, variance, batches), EPS, of.buffer(statistics)));
            comparison.check("batchNormRunningStatistics", statistics, 8 * UNIT_ROUNDOFF, 8 * UNIT_ROUNDOFF);
            comparison.forget(sums, statistics, mean, variance, batches);
        }
    }

    @Test
    void shouldTakeNoVarianceWhereRoundingMakesItNegative() {
        // Three numbers of 0.1, whose mean of squares is rounded below the square of the mean.
        Twin sums = comparison.vector(DataType.FLOAT64, 0.3, 0.03 - 1e-17, 3);
        Twin statistics = comparison.output(1, 2);
        Twin mean = comparison.vector(DataType.FLOAT32, 0);
        Twin variance = comparison.vector(DataType.FLOAT32, 1);
        Twin batches = comparison.vector(DataType.INT64, 0);
        comparison.run((operations, of) -> operations.layers().batchNormStatistics(of.buffer(sums), 1e-30, 1,
                running(of, mean, variance, batches), of.buffer(statistics)));
        comparison.checkClose("statistics", statistics, 0, 1e-6);
        assertEquals(0, comparison.actual(variance)[0]);
    }

    @Test
    void shouldNormaliseFeatures() {
        for (int[] shape : SHAPES) {
            int batch = shape[0];
            int features = shape[1];
            Twin x = comparison.random(batch, features);
            Twin statistics = comparison.vector(DataType.FLOAT32, statistics(features));
            Twin weight = comparison.random(1, features);
            Twin bias = comparison.random(1, features);
            Twin y = comparison.output(batch, features);
            comparison.run((operations, of) -> operations.layers().batchNormForward(of.matrix(x), of.buffer(statistics),
                    of.buffer(weight), of.buffer(bias), of.matrix(y)));
            comparison.check("batchNormForward of " + Arrays.toString(shape), y, 16 * UNIT_ROUNDOFF, 0);

            Twin yGradient = comparison.random(batch, features);
            Twin backwardSums = comparison.vector(DataType.FLOAT64, new double[2 * features]);
            comparison.run((operations, of) -> operations.layers().batchNormBackwardSums(of.matrix(x),
                    of.matrix(yGradient), of.buffer(statistics), of.buffer(backwardSums)));
            comparison.check("batchNormBackwardSums of " + Arrays.toString(shape), backwardSums,
                    16 * batch * UNIT_ROUNDOFF, 0);

            Twin forwardSums = comparison.vector(DataType.FLOAT64, sums(features));
            comparison.write(backwardSums, comparison.doubles(2 * features, comparison::uniform));
            Twin xGradient = comparison.output(batch, features);
            comparison.run((operations, of) -> operations.layers().batchNormBackward(of.matrix(x), of.matrix(yGradient),
                    of.buffer(statistics), of.buffer(weight), of.buffer(forwardSums), of.buffer(backwardSums),
                    of.matrix(xGradient)));
            comparison.check("batchNormBackward of " + Arrays.toString(shape), xGradient, 32 * UNIT_ROUNDOFF, 0);
            comparison.forget(x, statistics, weight, bias, y, yGradient, backwardSums, forwardSums, xGradient);
        }
    }

    @Test
    void shouldTakeTheParametersGradientsFromTheSumsOverwritingAndAccumulating() {
        for (int features : new int[] {1, 5, 64, 1001}) {
            Twin sums = comparison.vector(DataType.FLOAT64, comparison.doubles(2 * features, comparison::uniform));
            Twin overwritten = comparison.output(1, features);
            Twin alsoOverwritten = comparison.output(1, features);
            Twin accumulated = comparison.random(1, features);
            Twin alsoAccumulated = comparison.random(1, features);
            for (Twin[] gradients : new Twin[][] {{overwritten, alsoOverwritten}, {accumulated, alsoAccumulated}}) {
                boolean accumulate = gradients[0] == accumulated;
                comparison.run((operations, of) -> operations.layers().normParameterGradients(of.buffer(sums),
                        of.buffer(gradients[0]), of.buffer(gradients[1]), accumulate));
                comparison.checkClose("weight's gradient", gradients[0], 3 * UNIT_ROUNDOFF, 0);
                comparison.checkClose("bias's gradient", gradients[1], 3 * UNIT_ROUNDOFF, 0);
                comparison.checkOnlyChanged("normParameterGradients", gradients);
            }
            comparison.forget(sums, overwritten, alsoOverwritten, accumulated, alsoAccumulated);
        }
    }

    /** Exactly: the choice is the reference's, and a product is rounded once. */
    @Test
    void shouldDropTheSameElementsAsTheReference() {
        for (int size : new int[] {1, 2, 3, 4, 5, 31, 64, 127, 784, 40_003}) {
            for (double probability : new double[] {0, 1e-9, 0.1, 0.5, 0.99, 1 - 1e-12}) {
                Twin x = comparison.random(1, size);
                Twin y = comparison.output(1, size);
                Twin counters = comparison.vector(DataType.INT32, comparison.below(1 << 30), comparison.below(70_000));
                long seed = ((long) comparison.below(1 << 30) << 33) + comparison.below(1 << 30);
                int rank = comparison.below(1 << 16);
                int layer = comparison.below(1 << 16);
                comparison.run((operations, of) -> operations.layers().dropout(of.buffer(x), of.buffer(y),
                        new RandomSource(of.buffer(counters), seed, rank, layer), probability));
                comparison.check("dropout " + probability + " of " + size, y, 0, 2 * UNIT_ROUNDOFF);
                comparison.run((operations, of) -> operations.layers().dropout(of.buffer(x), of.buffer(x),
                        new RandomSource(of.buffer(counters), seed, rank, layer), probability));
                comparison.check("dropout in place", x, 0, 2 * UNIT_ROUNDOFF);
                comparison.forget(x, y, counters);
            }
        }
    }

    @Test
    void shouldCountStepsAndMicroBatches() {
        Twin counters = comparison.vector(DataType.INT32, 41, 0);
        for (int[] expected : new int[][] {{0, 42, 0}, {1, 42, 1}, {1, 42, 2}, {0, 43, 0}, {0, 44, 0}, {1, 44, 1}}) {
            comparison.run((operations, of) -> operations.layers().countUp(of.buffer(counters), expected[0]));
            comparison.check("countUp", counters, 0, 0);
            assertEquals(expected[1], comparison.actual(counters)[LayerOperations.STEP_COUNTER]);
            assertEquals(expected[2], comparison.actual(counters)[LayerOperations.MICRO_BATCH_COUNTER]);
        }
    }

    @Test
    void shouldAddElementByElementAlsoInPlace() {
        for (int size : new int[] {1, 3, 17, 64, 127, 784, 70_001}) {
            Twin a = comparison.random(1, size);
            Twin b = comparison.random(1, size);
            Twin y = comparison.output(1, size);
            for (Twin to : new Twin[] {y, a, b}) {
                comparison.run((operations, of) -> operations.layers().add(of.buffer(a), of.buffer(b), of.buffer(to)));
                comparison.check("add", to, 8 * UNIT_ROUNDOFF, 0);
            }
            comparison.forget(a, b, y);
        }
    }

    /** Of numbers in [−1, 1), so that what one product leaves for the next stays there. */
    @Test
    void shouldMultiplyElementByElementAlsoInPlace() {
        for (int size : new int[] {1, 3, 17, 64, 127, 784, 70_001}) {
            Twin a = comparison.random(1, size);
            Twin b = comparison.random(1, size);
            Twin y = comparison.output(1, size);
            for (Twin to : new Twin[] {y, a, b}) {
                comparison.run((operations, of) -> operations.layers().multiply(of.buffer(a), of.buffer(b), of.buffer(to)));
                comparison.check("multiply", to, 8 * UNIT_ROUNDOFF, 0);
            }
            comparison.run((operations, of) -> operations.layers().multiply(of.buffer(y), of.buffer(y), of.buffer(y)));
            comparison.check("multiply by itself", y, 8 * UNIT_ROUNDOFF, 0);
            comparison.forget(a, b, y);
        }
    }

    private static RunningStatistics running(Side of, Twin mean, Twin variance, Twin batches) {
        return new RunningStatistics(of.buffer(mean), of.buffer(variance), of.buffer(batches));
    }

    /** In [1, 3): a mean that a variance must not suffer from. */
    private Twin shifted(int rows, int columns) {
        return comparison.twin(DataType.FLOAT32, rows, columns,
                comparison.doubles(rows * columns, () -> 2 + comparison.uniform()));
    }

    private Twin positive(int count) {
        return comparison.vector(DataType.FLOAT32, comparison.doubles(count, () -> 1.5 + comparison.uniform()));
    }

    /** Means in [−1, 1), reciprocal deviations in [0.5, 2.5). */
    private double[] statistics(int count) {
        double[] statistics = comparison.doubles(2 * count, comparison::uniform);
        for (int i = count; i < 2 * count; i++) {
            statistics[i] += 1.5;
        }
        return statistics;
    }

    /** Of batches of ten with means in [−1, 1) and variances in [0.5, 2.5). */
    private double[] sums(int features) {
        double[] sums = new double[2 * features + 1];
        for (int j = 0; j < features; j++) {
            double mean = comparison.uniform();
            sums[j] = 10 * mean;
            sums[features + j] = 10 * (1.5 + comparison.uniform() + mean * mean);
        }
        sums[2 * features] = 10;
        return sums;
    }

    /**
     * Of numbers around 2 that are normalised over {@code features}: their mean is off by some units of its last place, and
     * that is multiplied by 1/σ, which is large where few numbers happen to lie close together.
     */
    private double toleranceOfNormalised(Twin statistics, int features) {
        double[] expected = comparison.expected(statistics);
        double largestScale = Arrays.stream(expected, expected.length / 2, expected.length).max().orElseThrow();
        return (12 * largestScale + 12 + features / 16.0) * UNIT_ROUNDOFF;
    }

    /** Of what is summed up over {@code count}. */
    private static double tolerance(int count) {
        // What a few numbers are rounded by does not even out.
        return count < 8 ? 600 * UNIT_ROUNDOFF : (16 + count / 16.0) * UNIT_ROUNDOFF;
    }
}

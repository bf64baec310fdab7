package dev.lockstep.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.Comparison.Twin;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What every backend must compute, held against the reference in double precision. A backend's test subclasses it.
 *
 * <p>Tolerances. A float has a relative rounding error of at most u = 2⁻²⁴. The partial sums of k products of numbers
 * uniform in [−1, 1) grow as √k / 3, so that rounding them one after the other leaves errors that grow as k · u; the
 * largest among a hundred thousand results of a plain float loop was measured as 1.0 · k · u. Twice that leaves no room
 * for a lower precision, a term left out, or a wrong one. Summands that are no products are √3 times larger: four times.
 * Other orders of summation, and fused multiply-adds, are only better. Transcendental functions may be off by 1e-6:
 * vectorised approximations are good to a few u, and GELU multiplies that of erf by x.
 */
@Timeout(120)
public abstract class OperationsContract {
    private static final double UNIT_ROUNDOFF = Math.scalb(1.0, -24);
    private static final double FUNCTION_TOLERANCE = 1e-6;

    /** Batch, in, out. */
    private static final int[][] LINEAR_SHAPES = {{1, 1, 1}, {1, 784, 10}, {2, 3, 5}, {3, 1, 17}, {5, 17, 1},
            {17, 31, 64}, {31, 64, 65}, {64, 784, 128}, {64, 128, 10}, {65, 127, 31}, {127, 65, 3}};
    private static final int[] SIZES = {1, 2, 3, 5, 17, 31, 64, 65, 127, 784};
    private static final List<Activation> FUSED = Arrays.stream(Activation.values())
            .filter(Activation::derivativeFromOutput).toList();

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
    void shouldComputeLinearForwardWithEveryFusedActivationWithAndWithoutBias() {
        for (int[] shape : LINEAR_SHAPES) {
            Twin x = comparison.random(shape[0], shape[1]);
            Twin weight = comparison.random(shape[2], shape[1]);
            Twin bias = comparison.random(1, shape[2]);
            Twin y = comparison.output(shape[0], shape[2]);
            for (Activation activation : FUSED) {
                for (Twin given : new Twin[] {bias, null}) {
                    comparison.run((operations, of) -> operations.linearForward(of.matrix(x), of.matrix(weight),
                            of.buffer(given), of.matrix(y), activation));
                    comparison.check("linearForward " + activation + (given == null ? " without bias" : ""), y,
                            productTolerance(shape[1]) + tolerance(activation), 0);
                }
            }
        }
    }

    @Test
    void shouldComputeLinearBackwardInputWithEveryFusedActivation() {
        for (int[] shape : LINEAR_SHAPES) {
            Twin yGradient = comparison.random(shape[0], shape[2]);
            Twin weight = comparison.random(shape[2], shape[1]);
            Twin x = activationOutputs(shape[0], shape[1]);
            Twin xGradient = comparison.output(shape[0], shape[1]);
            Twin sums = comparison.output(1, shape[1]);
            for (Activation activation : FUSED) {
                Twin read = activation == Activation.IDENTITY ? null : x;
                for (Twin biasGradient : new Twin[] {null, sums}) {
                    comparison.run((operations, of) -> operations.linearBackwardInput(of.matrix(yGradient),
                            of.matrix(weight), of.matrix(xGradient), activation, of.matrix(read),
                            of.buffer(biasGradient)));
                    String what = "linearBackwardInput " + activation;
                    comparison.checkClose(what, xGradient, productTolerance(shape[2]), 0);
                    comparison.checkOnlyChanged(what, xGradient, biasGradient);
                }
                comparison.checkClose("bias gradient of " + activation, sums, shape[0] * productTolerance(shape[2]), 0);
            }
        }
    }

    @Test
    void shouldComputeLinearBackwardWeightOverwritingAndAccumulating() {
        for (int[] shape : LINEAR_SHAPES) {
            Twin x = comparison.random(shape[0], shape[1]);
            Twin yGradient = comparison.random(shape[0], shape[2]);
            Twin overwritten = comparison.output(shape[2], shape[1]);
            Twin accumulated = comparison.random(shape[2], shape[1]);
            comparison.run((operations, of) -> operations.linearBackwardWeight(of.matrix(x), of.matrix(yGradient),
                    of.matrix(overwritten), 0, false));
            comparison.check("linearBackwardWeight", overwritten, productTolerance(shape[0]), 0);
            comparison.run((operations, of) -> operations.linearBackwardWeight(of.matrix(x), of.matrix(yGradient),
                    of.matrix(accumulated), 0, true));
            comparison.check("linearBackwardWeight accumulating", accumulated, productTolerance(shape[0]), 0);
        }
    }

    @Test
    void shouldComputeRowsOfTheWeightGradientAloneAndLeaveTheOthers() {
        int[] chunkEnds = {1, 4, 17, 18, 31};
        for (boolean accumulate : new boolean[] {false, true}) {
            for (int in : SIZES) {
                Twin x = comparison.random(13, in);
                Twin yGradient = comparison.random(13, 31);
                Twin weightGradient = accumulate ? comparison.random(31, in) : comparison.output(31, in);
                int first = 0;
                for (int end : chunkEnds) {
                    int firstRow = first;
                    comparison.run((operations, of) -> operations.linearBackwardWeight(of.matrix(x),
                            of.matrix(yGradient), of.matrix(weightGradient).rows(firstRow, end - firstRow), firstRow,
                            accumulate));
                    comparison.check("rows " + firstRow + " to " + (end - 1) + " of linearBackwardWeight",
                            weightGradient, productTolerance(13), 0);
                    first = end;
                }
            }
        }
    }

    @Test
    void shouldComputeLinearBackwardBiasOverwritingAndAccumulating() {
        for (int batch : SIZES) {
            for (int out : SIZES) {
                Twin yGradient = comparison.random(batch, out);
                Twin overwritten = comparison.output(1, out);
                Twin accumulated = comparison.random(1, out);
                comparison.run((operations, of) -> operations.linearBackwardBias(of.matrix(yGradient),
                        of.buffer(overwritten), false));
                comparison.check("linearBackwardBias", overwritten, 2 * productTolerance(batch), 0);
                comparison.run((operations, of) -> operations.linearBackwardBias(of.matrix(yGradient),
                        of.buffer(accumulated), true));
                comparison.check("linearBackwardBias accumulating", accumulated, 2 * productTolerance(batch), 0);
                comparison.forget(yGradient, overwritten, accumulated);
            }
        }
    }

    @Test
    void shouldReadItsBuffersAnewAtEachRun() {
        Twin x = comparison.random(17, 31);
        Twin weight = comparison.random(64, 31);
        Twin bias = comparison.random(1, 64);
        Twin y = comparison.output(17, 64);
        Runnable forward = comparison.prepare((operations, of) -> operations.linearForward(of.matrix(x),
                of.matrix(weight), of.buffer(bias), of.matrix(y), Activation.RELU));
        for (int run = 1; run <= 3; run++) {
            forward.run();
            comparison.check("run " + run + " of linearForward", y, productTolerance(31), 0);
            comparison.randomize(x);
            comparison.randomize(weight);
            comparison.randomize(bias);
        }
    }

    @Test
    void shouldComputeEveryActivationForwardAlsoInPlace() {
        double[] special = {0, -0.0, 1e-8, -1e-8, 1e-3, -1e-3, 20, -20, 100, -100};
        for (int size : SIZES) {
            double[] values = new double[size];
            for (int i = 0; i < size; i++) {
                values[i] = i < size - special.length ? 6 * comparison.uniform() : special[size - 1 - i];
            }
            for (Activation activation : Activation.values()) {
                Twin x = comparison.vector(DataType.FLOAT32, values);
                Twin y = comparison.output(1, size);
                comparison.run((operations, of) -> operations.activationForward(activation, of.buffer(x),
                        of.buffer(y)));
                comparison.check(activation + " forward", y, tolerance(activation), tolerance(activation));
                comparison.run((operations, of) -> operations.activationForward(activation, of.buffer(x),
                        of.buffer(x)));
                comparison.check(activation + " forward in place", x, tolerance(activation), tolerance(activation));
            }
        }
    }

    @Test
    void shouldComputeEveryActivationBackwardAlsoInPlace() {
        for (int size : SIZES) {
            for (Activation activation : Activation.values()) {
                Twin x = activation.derivativeFromOutput() ? null : comparison.random(1, size);
                Twin y = activation.derivativeFromOutput() && activation != Activation.IDENTITY
                        ? activationOutputs(1, size) : null;
                Twin yGradient = comparison.random(1, size);
                Twin xGradient = comparison.output(1, size);
                comparison.run((operations, of) -> operations.activationBackward(activation, of.buffer(x),
                        of.buffer(y), of.buffer(yGradient), of.buffer(xGradient)));
                comparison.check(activation + " backward", xGradient, tolerance(activation), 0);
                comparison.run((operations, of) -> operations.activationBackward(activation, of.buffer(x),
                        of.buffer(y), of.buffer(yGradient), of.buffer(yGradient)));
                comparison.check(activation + " backward in place", yGradient, tolerance(activation), 0);
            }
        }
    }

    /** Only the activation by itself: a matrix library's fused ReLU may turn NaN into 0. */
    @Test
    void shouldPassNaNThroughRelu() {
        Twin x = comparison.vector(DataType.FLOAT32, 1, Double.NaN, -1, 0, Double.NaN);
        Twin y = comparison.output(1, 5);
        comparison.run((operations, of) -> operations.activationForward(Activation.RELU, of.buffer(x), of.buffer(y)));
        comparison.check("RELU forward", y, 0, 0);
    }

    @Test
    void shouldComputeCrossEntropyAndAddUpItsStatistics() {
        for (int batch : new int[] {1, 2, 3, 17, 64, 127}) {
            for (int classes : new int[] {1, 2, 5, 10, 17, 65, 1000}) {
                checkCrossEntropy(batch, classes, 4);
            }
        }
    }

    @Test
    void shouldNotOverflowInCrossEntropyOfLargeLogits() {
        checkCrossEntropy(17, 10, 1e4);
        checkCrossEntropy(5, 65, 1e30);
    }

    /** Three batches; the last one's gradient is not asked for. */
    private void checkCrossEntropy(int batch, int classes, double scale) {
        Twin logits = comparison.output(batch, classes);
        Twin labels = comparison.vector(DataType.INT32, new double[batch]);
        Twin statistics = comparison.vector(DataType.FLOAT64, new double[LossStatistics.LENGTH]);
        Twin gradient = comparison.output(batch, classes);
        for (Twin wanted : new Twin[] {gradient, gradient, null}) {
            comparison.write(logits, comparison.doubles(batch * classes, () -> scale * comparison.uniform()));
            comparison.write(labels, comparison.doubles(batch, () -> comparison.below(classes)));
            comparison.run((operations, of) -> operations.crossEntropy(of.matrix(logits), of.buffer(labels),
                    of.buffer(statistics), of.matrix(wanted), 1.0 / batch));
            String what = "crossEntropy of [" + batch + ", " + classes + "]";
            comparison.checkClose(what, statistics, 1e-6 * batch, 1e-6);
            comparison.checkClose(what, gradient, FUNCTION_TOLERANCE / batch, 0);
            comparison.checkOnlyChanged(what, statistics, wanted);
        }
        comparison.forget(logits, labels, statistics, gradient);
    }

    @Test
    void shouldCountTheFirstOfEqualLogitsAsThePrediction() {
        int batch = 127;
        for (int classes : new int[] {2, 3, 17, 65}) {
            Twin logits = comparison.twin(DataType.FLOAT32, batch, classes,
                    comparison.doubles(batch * classes, () -> comparison.below(3)));
            Twin labels = comparison.vector(DataType.INT32, comparison.doubles(batch, () -> comparison.below(classes)));
            Twin statistics = comparison.vector(DataType.FLOAT64, new double[LossStatistics.LENGTH]);
            comparison.run((operations, of) -> operations.crossEntropy(of.matrix(logits), of.buffer(labels),
                    of.buffer(statistics), null, 1));
            comparison.check("crossEntropy of equal logits", statistics, 1e-6 * batch, 1e-6);
        }
    }

    @Test
    void shouldGiveNaNAsTheLossOfNaNLogitsAndPredictThem() {
        for (int classes : new int[] {1, 10, 65}) {
            for (int position : new int[] {0, classes / 2, classes - 1}) {
                double[] values = comparison.doubles(3 * classes, comparison::uniform);
                values[classes + position] = Double.NaN;
                Twin logits = comparison.twin(DataType.FLOAT32, 3, classes, values);
                Twin labels = comparison.vector(DataType.INT32, 0, position, 0);
                Twin statistics = comparison.vector(DataType.FLOAT64, new double[LossStatistics.LENGTH]);
                comparison.run((operations, of) -> operations.crossEntropy(of.matrix(logits), of.buffer(labels),
                        of.buffer(statistics), null, 1));
                comparison.check("crossEntropy of NaN", statistics, 0, 0);
                assertEquals(Double.NaN, comparison.actual(statistics)[LossStatistics.BATCH_MEAN]);
            }
        }
    }

    @Test
    void shouldGatherBytesDividedExactlyAsFloats() {
        for (int columns : SIZES) {
            int rows = 31;
            Twin source = comparison.twin(DataType.UINT8, rows, columns,
                    comparison.doubles(rows * columns, () -> comparison.below(256)));
            double[] indices = comparison.doubles(17, () -> comparison.below(rows));
            Twin positions = comparison.vector(DataType.INT32, indices);
            Twin destination = comparison.output(17, columns);
            comparison.run((operations, of) -> operations.gatherRows(of.matrix(source), of.buffer(positions),
                    of.matrix(destination), 255));
            double[] bytes = comparison.actual(source);
            double[] gathered = comparison.actual(destination);
            for (int i = 0; i < gathered.length; i++) {
                double value = bytes[(int) indices[i / columns] * columns + i % columns];
                if (gathered[i] != (float) value / 255f) {
                    Comparison.failWithSeed(value + " / 255 is " + (float) value / 255f + ", not " + gathered[i]);
                }
            }
            comparison.checkOnlyChanged("gatherRows", destination);
        }
    }

    @Test
    void shouldGatherFloats() {
        for (float divisor : new float[] {1, 3.5f}) {
            for (int columns : SIZES) {
                Twin source = comparison.random(31, columns);
                Twin positions = comparison.vector(DataType.INT32, comparison.doubles(17, () -> comparison.below(31)));
                Twin destination = comparison.output(17, columns);
                comparison.run((operations, of) -> operations.gatherRows(of.matrix(source), of.buffer(positions),
                        of.matrix(destination), divisor));
                comparison.check("gatherRows", destination, 0, divisor == 1 ? 0 : UNIT_ROUNDOFF);
            }
        }
    }

    @Test
    void shouldGatherLabels() {
        for (int size : SIZES) {
            Twin source = comparison.vector(DataType.INT32, comparison.doubles(37, () -> comparison.below(1 << 30)));
            Twin positions = comparison.vector(DataType.INT32, comparison.doubles(size, () -> comparison.below(37)));
            Twin destination = comparison.vector(DataType.INT32, new double[size]);
            comparison.run((operations, of) -> operations.gatherLabels(of.buffer(source), of.buffer(positions),
                    of.buffer(destination)));
            comparison.check("gatherLabels", destination, 0, 0);
        }
    }

    @Test
    void shouldUpdateBySgdInAllVariants() {
        for (int size : SIZES) {
            for (double weightDecay : new double[] {0, 0.01}) {
                checkSgd(size, weightDecay, false, 0, 0, false);
                checkSgd(size, weightDecay, true, 0.9, 0, false);
                checkSgd(size, weightDecay, true, 0.9, 0.3, false);
                checkSgd(size, weightDecay, true, 0.9, 0, true);
            }
        }
    }

    private void checkSgd(int size, double weightDecay, boolean buffered, double momentum, double dampening,
            boolean nesterov) {
        Twin parameter = comparison.random(1, size);
        Twin gradient = comparison.random(1, size);
        Twin momentumBuffer = buffered ? comparison.random(1, size) : null;
        Twin hyperparameters = comparison.hyperparameters();
        Runnable update = comparison.prepare((operations, of) -> operations.sgd(of.buffer(parameter),
                of.buffer(gradient), of.buffer(momentumBuffer), of.buffer(hyperparameters), nesterov, null));
        for (int step = 1; step <= 5; step++) {
            comparison.randomize(gradient);
            comparison.write(hyperparameters, 0.1 / step, weightDecay, momentum, step == 1 ? 0 : momentum,
                    step == 1 ? 1 : 1 - dampening);
            update.run();
            String what = "step " + step + " of sgd, momentum " + momentum + ", dampening " + dampening
                    + ", weight decay " + weightDecay + ", nesterov " + nesterov;
            // Each step rounds some four numbers of at most 4.
            double tolerance = step * 4 * UNIT_ROUNDOFF;
            comparison.checkClose(what, parameter, tolerance, 0);
            if (buffered) {
                comparison.checkClose(what, momentumBuffer, 2 * tolerance, 0);
            }
            comparison.checkOnlyChanged(what, parameter, momentumBuffer);
        }
        comparison.forget(parameter, gradient, momentumBuffer, hyperparameters);
    }

    @Test
    void shouldUpdateByAdamWithEitherWeightDecay() {
        for (int size : SIZES) {
            checkAdam(size, 0, 1);
            // Exact as a float: where it nearly cancels the gradient, the quotient is of what is left.
            checkAdam(size, 1.0 / 128, 1);
            checkAdam(size, 0, 0.99);
        }
    }

    private void checkAdam(int size, double weightDecay, double parameterFactor) {
        Twin parameter = comparison.random(1, size);
        Twin gradient = comparison.random(1, size);
        Twin average = comparison.vector(DataType.FLOAT32, new double[size]);
        Twin squareAverage = comparison.vector(DataType.FLOAT32, new double[size]);
        Twin numbers = comparison.vector(DataType.FLOAT64, new double[AdamHyperparameters.LENGTH]);
        Runnable update = comparison.prepare((operations, of) -> operations.adam(of.buffer(parameter), of.buffer(gradient),
                of.buffer(average), of.buffer(squareAverage), of.buffer(numbers), null));
        for (int step = 1; step <= 5; step++) {
            comparison.randomize(gradient);
            comparison.write(numbers, 0.1 / (1 - Math.pow(0.75, step)), 0.25, 0.875, 0.125,
                    1 / Math.sqrt(1 - Math.pow(0.875, step)), 1e-8, weightDecay, parameterFactor);
            update.run();
            String what = "step " + step + " of adam, weight decay " + weightDecay + ", factor " + parameterFactor;
            // Numbers of at most 2, a few of them rounded in each step.
            double tolerance = step * 4 * UNIT_ROUNDOFF;
            comparison.checkClose(what, average, tolerance, 0);
            comparison.checkClose(what, squareAverage, tolerance, 0);
            // A step is 0.1 times a quotient of at most some 2, with a handful of roundings; they add up.
            comparison.checkClose(what, parameter, 2 * tolerance, 0);
            comparison.checkOnlyChanged(what, parameter, average, squareAverage);
        }
        comparison.forget(parameter, gradient, average, squareAverage, numbers);
    }

    @Test
    void shouldClearBuffersOfEveryType() {
        for (DataType type : DataType.values()) {
            for (int size : SIZES) {
                Twin cleared = comparison.vector(type, comparison.doubles(size, () -> 1 + comparison.below(100)));
                comparison.run((operations, of) -> operations.clear(of.buffer(cleared)));
                comparison.check("clear " + type, cleared, 0, 0);
                assertEquals(0, Arrays.stream(comparison.actual(cleared)).map(Math::abs).sum());
            }
        }
    }

    /** Numbers in [0, 1), half of them 0: such as any activation may have put out. */
    private Twin activationOutputs(int rows, int columns) {
        return comparison.twin(DataType.FLOAT32, rows, columns,
                comparison.doubles(rows * columns, () -> Math.max(0, comparison.uniform())));
    }

    /** Of a sum of {@code length} products of numbers in [−1, 1). */
    private static double productTolerance(int length) {
        return 2 * (length + 4) * UNIT_ROUNDOFF;
    }

    private static double tolerance(Activation activation) {
        return switch (activation) {
            case IDENTITY, RELU -> 0;
            // oneDNN's erf is good to 1.5e-7 and its rounding; GELU multiplies that by up to |x|/2. Seen: 1.01e-6.
            case GELU -> 2 * FUNCTION_TOLERANCE;
            default -> FUNCTION_TOLERANCE;
        };
    }
}

package dev.lockstep.device.reference;

import static dev.lockstep.device.OperationChecks.floatType;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperationChecks;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import java.util.function.DoubleBinaryOperator;

/** What {@link ReferenceOperations} is to all others, for norms, dropout and residual blocks. */
final class ReferenceLayers implements LayerOperations {
    private final ReferenceOperations operations;

    ReferenceLayers(ReferenceOperations operations) {
        this.operations = operations;
    }

    @Override
    public Operation layerNormForward(Matrix x, DeviceBuffer weight, DeviceBuffer bias, double eps, Matrix y,
            DeviceBuffer statistics) {
        LayerOperationChecks.layerNormForward(floatType(x.data()), x, weight, bias, eps, y, statistics);
        ReferenceBuffer xs = operations.own(x.data());
        ReferenceBuffer weights = operations.own(weight);
        ReferenceBuffer biases = operations.own(bias);
        ReferenceBuffer results = operations.output(statistics, xs, weights, biases);
        ReferenceBuffer ys = operations.output(y.data(), xs, weights, biases, results);
        int features = x.columns();
        return stream -> {
            for (int row = 0; row < x.rows(); row++) {
                double mean = 0;
                double variance = 0;
                for (int j = 0; j < features; j++) {
                    mean += xs.get(row * features + j) / features;
                }
                for (int j = 0; j < features; j++) {
                    variance += Math.pow(xs.get(row * features + j) - mean, 2) / features;
                }
                double scale = 1 / Math.sqrt(variance + eps);
                results.set(row, mean);
                results.set(x.rows() + row, scale);
                for (int j = 0; j < features; j++) {
                    double normalized = (xs.get(row * features + j) - mean) * scale;
                    ys.set(row * features + j, normalized * weights.get(j) + biases.get(j));
                }
            }
        };
    }

    @Override
    public Operation layerNormBackward(Matrix x, Matrix yGradient, DeviceBuffer weight, DeviceBuffer statistics,
            Matrix xGradient) {
        LayerOperationChecks.layerNormBackward(floatType(x.data()), x, yGradient, weight, statistics, xGradient);
        ReferenceBuffer xs = operations.own(x.data());
        ReferenceBuffer yGradients = operations.own(yGradient.data());
        ReferenceBuffer weights = operations.own(weight);
        ReferenceBuffer results = operations.own(statistics);
        ReferenceBuffer xGradients = operations.output(xGradient.data(), xs, yGradients, weights, results);
        int features = x.columns();
        return stream -> {
            for (int row = 0; row < x.rows(); row++) {
                double mean = results.get(row);
                double scale = results.get(x.rows() + row);
                double sum = 0;
                double products = 0;
                for (int j = 0; j < features; j++) {
                    double gradient = yGradients.get(row * features + j) * weights.get(j);
                    sum += gradient;
                    products += gradient * (xs.get(row * features + j) - mean) * scale;
                }
                for (int j = 0; j < features; j++) {
                    double gradient = yGradients.get(row * features + j) * weights.get(j);
                    double normalized = (xs.get(row * features + j) - mean) * scale;
                    xGradients.set(row * features + j, scale * (gradient - (sum + products * normalized) / features));
                }
            }
        };
    }

    @Override
    public Operation layerNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums) {
        LayerOperationChecks.layerNormBackwardSums(floatType(x.data()), x, yGradient, statistics, sums);
        return backwardSums(x, yGradient, statistics, sums, true);
    }

    @Override
    public Operation batchNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums) {
        LayerOperationChecks.batchNormBackwardSums(floatType(x.data()), x, yGradient, statistics, sums);
        return backwardSums(x, yGradient, statistics, sums, false);
    }

    /** @param ofRows whether the statistics are those of the rows */
    private Operation backwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums, boolean ofRows) {
        ReferenceBuffer xs = operations.own(x.data());
        ReferenceBuffer yGradients = operations.own(yGradient.data());
        ReferenceBuffer results = operations.own(statistics);
        ReferenceBuffer allSums = operations.output(sums, xs, yGradients, results);
        int features = x.columns();
        return stream -> {
            for (int j = 0; j < features; j++) {
                double sum = 0;
                double products = 0;
                for (int row = 0; row < x.rows(); row++) {
                    double gradient = yGradients.get(row * features + j);
                    int at = ofRows ? row : j;
                    double scale = results.get(at + (ofRows ? x.rows() : features));
                    sum += gradient;
                    products += gradient * (xs.get(row * features + j) - results.get(at)) * scale;
                }
                allSums.set(j, sum);
                allSums.set(features + j, products);
            }
        };
    }

    @Override
    public Operation batchNormSums(Matrix x, DeviceBuffer sums) {
        LayerOperationChecks.batchNormSums(floatType(x.data()), x, sums);
        ReferenceBuffer xs = operations.own(x.data());
        ReferenceBuffer allSums = operations.output(sums, xs);
        int features = x.columns();
        return stream -> {
            for (int j = 0; j < features; j++) {
                double sum = 0;
                double squares = 0;
                for (int row = 0; row < x.rows(); row++) {
                    double value = xs.get(row * features + j);
                    sum += value;
                    squares += value * value;
                }
                allSums.set(j, sum);
                allSums.set(features + j, squares);
            }
            allSums.set(2 * features, x.rows());
        };
    }

    @Override
    public Operation batchNormStatistics(DeviceBuffer sums, double eps, double momentum, RunningStatistics running,
            DeviceBuffer statistics) {
        LayerOperationChecks.batchNormStatistics(floatType(statistics), sums, eps, momentum, running, statistics);
        ReferenceBuffer allSums = operations.own(sums);
        ReferenceBuffer results = operations.output(statistics, allSums);
        ReferenceBuffer means = operations.output(running.mean(), allSums, results);
        ReferenceBuffer variances = operations.output(running.variance(), allSums, results, means);
        ReferenceBuffer batches = operations.output(running.batches(), allSums, results, means, variances);
        int features = Math.toIntExact(means.elementCount());
        return stream -> {
            double count = allSums.get(2 * features);
            for (int j = 0; j < features; j++) {
                double mean = allSums.get(j) / count;
                double variance = Math.max(0, allSums.get(features + j) / count - mean * mean);
                results.set(j, mean);
                results.set(features + j, 1 / Math.sqrt(variance + eps));
                means.set(j, (1 - momentum) * means.get(j) + momentum * mean);
                variances.set(j, (1 - momentum) * variances.get(j) + momentum * variance * count / (count - 1));
            }
            batches.setLong(0, batches.getLong(0) + 1);
        };
    }

    @Override
    public Operation batchNormRunningStatistics(RunningStatistics running, double eps, DeviceBuffer statistics) {
        LayerOperationChecks.batchNormRunningStatistics(floatType(statistics), running, eps, statistics);
        ReferenceBuffer means = operations.own(running.mean());
        ReferenceBuffer variances = operations.own(running.variance());
        ReferenceBuffer results = operations.output(statistics, means, variances);
        int features = Math.toIntExact(means.elementCount());
        return stream -> {
            for (int j = 0; j < features; j++) {
                results.set(j, means.get(j));
                results.set(features + j, 1 / Math.sqrt(variances.get(j) + eps));
            }
        };
    }

    @Override
    public Operation batchNormForward(Matrix x, DeviceBuffer statistics, DeviceBuffer weight, DeviceBuffer bias, Matrix y) {
        LayerOperationChecks.batchNormForward(floatType(x.data()), x, statistics, weight, bias, y);
        ReferenceBuffer xs = operations.own(x.data());
        ReferenceBuffer results = operations.own(statistics);
        ReferenceBuffer weights = operations.own(weight);
        ReferenceBuffer biases = operations.own(bias);
        ReferenceBuffer ys = operations.output(y.data(), xs, results, weights, biases);
        int features = x.columns();
        return stream -> {
            for (int i = 0; i < x.rows() * features; i++) {
                int j = i % features;
                ys.set(i, (xs.get(i) - results.get(j)) * results.get(features + j) * weights.get(j) + biases.get(j));
            }
        };
    }

    @Override
    public Operation batchNormBackward(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer weight,
            DeviceBuffer forwardSums, DeviceBuffer backwardSums, Matrix xGradient) {
        LayerOperationChecks.batchNormBackward(floatType(x.data()), x, yGradient, statistics, weight, forwardSums,
                backwardSums, xGradient);
        ReferenceBuffer xs = operations.own(x.data());
        ReferenceBuffer yGradients = operations.own(yGradient.data());
        ReferenceBuffer results = operations.own(statistics);
        ReferenceBuffer weights = operations.own(weight);
        ReferenceBuffer counted = operations.own(forwardSums);
        ReferenceBuffer sums = operations.own(backwardSums);
        ReferenceBuffer xGradients = operations.output(xGradient.data(), xs, yGradients, results, weights, counted, sums);
        int features = x.columns();
        return stream -> {
            double count = counted.get(2 * features);
            for (int i = 0; i < x.rows() * features; i++) {
                int j = i % features;
                double scale = results.get(features + j);
                double normalized = (xs.get(i) - results.get(j)) * scale;
                xGradients.set(i, weights.get(j) * scale
                        * (yGradients.get(i) - (sums.get(j) + sums.get(features + j) * normalized) / count));
            }
        };
    }

    @Override
    public Operation normParameterGradients(DeviceBuffer sums, DeviceBuffer weightGradient, DeviceBuffer biasGradient,
            boolean accumulate) {
        LayerOperationChecks.normParameterGradients(floatType(weightGradient), sums, weightGradient, biasGradient);
        ReferenceBuffer allSums = operations.own(sums);
        ReferenceBuffer weightGradients = operations.output(weightGradient, allSums);
        ReferenceBuffer biasGradients = operations.output(biasGradient, allSums, weightGradients);
        int features = Math.toIntExact(biasGradient.elementCount());
        return stream -> {
            for (int j = 0; j < features; j++) {
                biasGradients.set(j, allSums.get(j) + (accumulate ? biasGradients.get(j) : 0));
                weightGradients.set(j, allSums.get(features + j) + (accumulate ? weightGradients.get(j) : 0));
            }
        };
    }

    @Override
    public Operation dropout(DeviceBuffer x, DeviceBuffer y, RandomSource source, double probability) {
        LayerOperationChecks.dropout(floatType(x), x, y, source, probability);
        ReferenceBuffer xs = operations.own(x);
        ReferenceBuffer counters = operations.own(source.counters());
        ReferenceBuffer ys = operations.outputOrInPlace(y, xs);
        int threshold = LayerOperations.dropThreshold(probability);
        int elementCount = Math.toIntExact(x.elementCount());
        return stream -> {
            for (int i = 0; i < elementCount; i++) {
                int[] words = Philox.words((int) source.seed(), (int) (source.seed() >>> Integer.SIZE), i / 4,
                        source.layerAndRank(), counters.getInt(STEP_COUNTER),
                        counters.getInt(MICRO_BATCH_COUNTER));
                boolean dropped = Integer.compareUnsigned(words[i % 4], threshold) < 0;
                ys.set(i, xs.get(i) * (dropped ? 0 : 1 / (1 - probability)));
            }
        };
    }

    @Override
    public Operation countUp(DeviceBuffer counters, int index) {
        LayerOperationChecks.countUp(counters, index);
        ReferenceBuffer counts = operations.own(counters);
        return stream -> {
            counts.setInt(index, counts.getInt(index) + 1);
            for (int i = index + 1; i < COUNTERS; i++) {
                counts.setInt(i, 0);
            }
        };
    }

    @Override
    public Operation add(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        return elementWise("add", a, b, y, Double::sum);
    }

    @Override
    public Operation multiply(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        return elementWise("multiply", a, b, y, (first, second) -> first * second);
    }

    private Operation elementWise(String name, DeviceBuffer a, DeviceBuffer b, DeviceBuffer y, DoubleBinaryOperator of) {
        LayerOperationChecks.elementWise(name, floatType(y), a, b, y);
        ReferenceBuffer as = operations.own(a);
        ReferenceBuffer bs = operations.own(b);
        ReferenceBuffer ys = operations.own(y);
        operations.outputOrInPlace(y, as);
        operations.outputOrInPlace(y, bs);
        int elementCount = Math.toIntExact(y.elementCount());
        return stream -> {
            for (int i = 0; i < elementCount; i++) {
                ys.set(i, of.applyAsDouble(as.get(i), bs.get(i)));
            }
        };
    }
}

package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Stream;
import dev.lockstep.job.MetricConfig;
import dev.lockstep.nn.Loss;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What loss and metrics are made of, summed over this rank's samples: as doubles, which hold counts exactly and which the
 * ranks add up. The loss's own sums are the device's; what those do not tell is counted here, from the model's outputs.
 */
final class EvaluationSums {
    private static final int[] OF_LOSS = {LossStatistics.LOSS_SUM, LossStatistics.CORRECT, LossStatistics.SAMPLES};
    private static final int LOSS = 0;
    private static final int CORRECT = 1;
    private static final int SAMPLES = 2;
    private static final MetricConfig CONFUSION_MATRIX = new MetricConfig.ConfusionMatrix();

    private final List<MetricConfig> metrics;
    private final int outputs;
    /** Three of the loss, one of each metric, the confusion matrix row by row. */
    private final double[] sums;

    /** @param outputs of the model */
    EvaluationSums(List<MetricConfig> metrics, int outputs) {
        this.metrics = metrics;
        this.outputs = outputs;
        sums = new double[firstCount() + (metrics.contains(CONFUSION_MATRIX) ? Math.multiplyExact(outputs, outputs) : 0)];
    }

    private int firstCount() {
        return OF_LOSS.length + metrics.size();
    }

    /** Whether the loss's sums do not tell all. */
    boolean needOutputs() {
        return metrics.stream().anyMatch(metric -> !(metric instanceof MetricConfig.Accuracy
                || metric instanceof MetricConfig.Rmse));
    }

    void clear() {
        Arrays.fill(sums, 0);
    }

    void add(EvaluatedSamples samples) {
        for (int i = 0; i < metrics.size(); i++) {
            MetricConfig metric = metrics.get(i);
            if (metric instanceof MetricConfig.TopK top) {
                sums[OF_LOSS.length + i] += hits(samples, top.k());
            } else if (metric instanceof MetricConfig.Mae) {
                sums[OF_LOSS.length + i] += absoluteErrors(samples);
            } else if (metric.equals(CONFUSION_MATRIX)) {
                count(samples);
            }
        }
    }

    private static int hits(EvaluatedSamples samples, int k) {
        int hits = 0;
        for (int sample = 0; sample < samples.size(); sample++) {
            hits += samples.rankOfLabel(sample) < k ? 1 : 0;
        }
        return hits;
    }

    private double absoluteErrors(EvaluatedSamples samples) {
        double sum = 0;
        for (int sample = 0; sample < samples.size(); sample++) {
            for (int output = 0; output < outputs; output++) {
                sum += Math.abs((double) samples.output(sample, output) - samples.value(sample, output));
            }
        }
        return sum;
    }

    private void count(EvaluatedSamples samples) {
        for (int sample = 0; sample < samples.size(); sample++) {
            sums[firstCount() + samples.label(sample) * outputs + samples.prediction(sample)]++;
        }
    }

    /** Of all ranks, with the sums that {@code loss} has kept. Collective. */
    Evaluation total(Communicator communicator, Loss loss, Stream stream) {
        for (int i = 0; i < OF_LOSS.length; i++) {
            sums[i] = loss.read(stream, OF_LOSS[i]);
        }
        communicator.allReduceSum(sums);
        Map<MetricConfig, Double> values = new LinkedHashMap<>();
        for (int i = 0; i < metrics.size(); i++) {
            if (!metrics.get(i).equals(CONFUSION_MATRIX)) {
                values.put(metrics.get(i), value(metrics.get(i), sums[OF_LOSS.length + i]));
            }
        }
        return new Evaluation(sums[LOSS] / sums[SAMPLES], (long) sums[SAMPLES], values, confusionMatrix());
    }

    private double value(MetricConfig metric, double sum) {
        if (metric instanceof MetricConfig.Accuracy) {
            return sums[CORRECT] / sums[SAMPLES];
        }
        if (metric instanceof MetricConfig.Rmse) {
            return Math.sqrt(sums[LOSS] / sums[SAMPLES]);
        }
        return metric instanceof MetricConfig.Mae ? sum / (sums[SAMPLES] * outputs) : sum / sums[SAMPLES];
    }

    private Optional<long[][]> confusionMatrix() {
        if (!metrics.contains(CONFUSION_MATRIX)) {
            return Optional.empty();
        }
        long[][] counts = new long[outputs][outputs];
        for (int row = 0; row < outputs; row++) {
            for (int column = 0; column < outputs; column++) {
                counts[row][column] = (long) sums[firstCount() + row * outputs + column];
            }
        }
        return Optional.of(counts);
    }
}

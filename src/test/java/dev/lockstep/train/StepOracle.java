package dev.lockstep.train;

import dev.lockstep.data.Dataset;
import dev.lockstep.data.DistributedSampler;
import dev.lockstep.device.Buffers;
import dev.lockstep.job.Job;
import dev.lockstep.job.MetricConfig;
import dev.lockstep.job.OptimizerConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a PyTorch DDP script computes for a model of one linear layer, in doubles and in one place: each rank's mean
 * gradient over its batch, their mean over the ranks, then SGD with momentum.
 */
final class StepOracle {
    private final Job job;
    private final int ranks;
    private final double[][] samples; // [samples, features]
    private final int[] labels;
    private final int classes;
    private final double[][] weight; // [classes, features + 1]: the bias is the weight of a feature that is 1
    private final double[][] velocity;
    private boolean firstStep = true;

    /** Mean losses over the global batches, before the updates. */
    final List<Double> stepLosses = new ArrayList<>();
    /** Sample-weighted means. */
    final List<Double> epochLosses = new ArrayList<>();
    /** Steps whose norm was too large, and elements of gradients that were. */
    int clippedSteps;
    int clippedElements;

    /** Starts from the trainer's parameters as they are. */
    StepOracle(Job job, int ranks, Dataset dataset, Trainer trainer) {
        this.job = job;
        this.ranks = ranks;
        samples = samples(dataset);
        labels = labels(dataset);
        double[] w = Buffers.read(trainer.replica().parameters().parameter("0.weight").value());
        double[] b = Buffers.read(trainer.replica().parameters().parameter("0.bias").value());
        classes = b.length;
        int features = w.length / classes;
        weight = new double[classes][features + 1];
        velocity = new double[classes][features + 1];
        for (int c = 0; c < classes; c++) {
            System.arraycopy(w, c * features, weight[c], 0, features);
            weight[c][features] = b[c];
        }
    }

    /** Each sample's features and a 1. */
    private static double[][] samples(Dataset dataset) {
        double[] all = Buffers.read(dataset.features().data());
        int features = dataset.features().columns();
        double[][] samples = new double[dataset.samples()][features + 1];
        for (int i = 0; i < samples.length; i++) {
            for (int j = 0; j < features; j++) {
                samples[i][j] = all[i * features + j] / dataset.divisor();
            }
            samples[i][features] = 1;
        }
        return samples;
    }

    private static int[] labels(Dataset dataset) {
        double[] values = Buffers.read(dataset.targets().data());
        int[] labels = new int[values.length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = (int) values[i];
        }
        return labels;
    }

    void train(int epochs) {
        for (int epoch = 0; epoch < epochs; epoch++) {
            List<int[]> shards = new ArrayList<>();
            for (int rank = 0; rank < ranks; rank++) {
                DistributedSampler sampler = new DistributedSampler(samples.length, ranks, rank,
                        job.train().shuffle(), job.seed(), job.train().dropLast());
                int[] indices = new int[sampler.samplesPerRank()];
                sampler.indices(epoch, indices);
                shards.add(indices);
            }
            double sum = 0;
            int samplesPerRank = shards.get(0).length;
            int batch = job.train().batchPerRank(ranks) * job.train().accumulate();
            for (int first = 0; first < samplesPerRank; first += batch) {
                int size = Math.min(batch, samplesPerRank - first);
                sum += step(shards, first, size) * size * ranks;
            }
            epochLosses.add(sum / ((double) samplesPerRank * ranks));
        }
    }

    private double step(List<int[]> shards, int first, int size) {
        double[][] gradient = new double[classes][weight[0].length];
        double loss = 0;
        for (int[] shard : shards) {
            for (int i = first; i < first + size; i++) {
                double[] x = samples[shard[i]];
                double[] p = softmax(x);
                loss -= Math.log(p[labels[shard[i]]]);
                for (int c = 0; c < classes; c++) {
                    double d = (p[c] - (c == labels[shard[i]] ? 1 : 0)) / ((double) size * ranks);
                    for (int j = 0; j < x.length; j++) {
                        gradient[c][j] += d * x[j];
                    }
                }
            }
        }
        clip(gradient);
        OptimizerConfig.Sgd sgd = (OptimizerConfig.Sgd) job.optimizer();
        for (int c = 0; c < classes; c++) {
            for (int j = 0; j < gradient[c].length; j++) {
                velocity[c][j] = firstStep ? gradient[c][j] : sgd.momentum() * velocity[c][j] + gradient[c][j];
                weight[c][j] -= sgd.lr() * velocity[c][j];
            }
        }
        firstStep = false;
        double mean = loss / ((double) size * ranks);
        stepLosses.add(mean);
        return mean;
    }

    /** By norm, then by value. */
    private void clip(double[][] gradient) {
        double squares = 0;
        for (double[] row : gradient) {
            for (double g : row) {
                squares += g * g;
            }
        }
        double factor = Math.min(1, job.train().clipNorm().orElse(Double.MAX_VALUE) / (Math.sqrt(squares) + 1e-6));
        double limit = job.train().clipValue().orElse(Double.MAX_VALUE);
        clippedSteps += factor < 1 ? 1 : 0;
        for (double[] row : gradient) {
            for (int j = 0; j < row.length; j++) {
                double scaled = factor * row[j];
                clippedElements += Math.abs(scaled) > limit ? 1 : 0;
                row[j] = Math.signum(scaled) * Math.min(Math.abs(scaled), limit);
            }
        }
    }

    /** Mean loss and accuracy on a whole data set. */
    Evaluation evaluate(Dataset dataset) {
        double[][] features = samples(dataset);
        int[] expected = labels(dataset);
        double loss = 0;
        int correct = 0;
        for (int i = 0; i < features.length; i++) {
            double[] p = softmax(features[i]);
            loss -= Math.log(p[expected[i]]);
            int best = 0;
            for (int c = 1; c < classes; c++) {
                best = p[c] > p[best] ? c : best;
            }
            correct += best == expected[i] ? 1 : 0;
        }
        return new Evaluation(loss / features.length, features.length,
                Map.of(new MetricConfig.Accuracy(), (double) correct / features.length), Optional.empty());
    }

    private double[] softmax(double[] x) {
        double[] exponentials = new double[classes];
        double sum = 0;
        for (int c = 0; c < classes; c++) {
            double logit = 0;
            for (int j = 0; j < x.length; j++) {
                logit += weight[c][j] * x[j];
            }
            exponentials[c] = Math.exp(logit);
            sum += exponentials[c];
        }
        for (int c = 0; c < classes; c++) {
            exponentials[c] /= sum;
        }
        return exponentials;
    }
}

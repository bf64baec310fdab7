package dev.lockstep.device.reference;

import static dev.lockstep.device.reference.ReferenceOperations.checkIndex;

import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;

/** Losses and their gradients, a row (sample) after the other; {@code gradients} may be null. */
final class ReferenceLosses {
    private ReferenceLosses() {
    }

    record CrossEntropy(ReferenceBuffer logits, int rows, int classes, ReferenceBuffer labels, double labelSmoothing,
            ReferenceBuffer statistics, ReferenceBuffer gradients, double gradientFactor) implements Operation {
        @Override
        public void enqueue(Stream stream) {
            double lossSum = 0;
            int correct = 0;
            for (int row = 0; row < rows; row++) {
                int first = row * classes;
                int label = checkIndex("label", labels.getInt(row), classes);
                int largest = 0;
                double maximum = logits.get(first);
                for (int k = 1; k < classes; k++) {
                    double logit = logits.get(first + k);
                    if (logit > maximum || Double.isNaN(logit) && !Double.isNaN(maximum)) {
                        largest = k;
                    }
                    maximum = Math.max(maximum, logit);
                }
                double exponentials = 0;
                for (int k = 0; k < classes; k++) {
                    exponentials += Math.exp(logits.get(first + k) - maximum);
                }
                double logSumExp = Math.log(exponentials) + maximum;
                for (int k = 0; k < classes; k++) {
                    double wanted = (k == label ? 1 - labelSmoothing : 0) + labelSmoothing / classes;
                    if (wanted != 0) {
                        lossSum += wanted * (logSumExp - logits.get(first + k));
                    }
                    if (gradients != null) {
                        double softmax = Math.exp(logits.get(first + k) - maximum) / exponentials;
                        gradients.set(first + k, (softmax - wanted) * gradientFactor);
                    }
                }
                correct += largest == label ? 1 : 0;
            }
            statistics.set(LossStatistics.CORRECT, statistics.get(LossStatistics.CORRECT) + correct);
            addBatch(statistics, lossSum, rows);
        }
    }

    record MeanSquaredError(ReferenceBuffer outputs, int rows, int columns, ReferenceBuffer targets,
            ReferenceBuffer statistics, ReferenceBuffer gradients, double gradientFactor) implements Operation {
        @Override
        public void enqueue(Stream stream) {
            double sum = 0;
            for (int i = 0; i < rows * columns; i++) {
                double error = outputs.get(i) - targets.get(i);
                sum += error * error;
                if (gradients != null) {
                    gradients.set(i, 2 * error / columns * gradientFactor);
                }
            }
            addBatch(statistics, sum / columns, rows);
        }
    }

    private static void addBatch(ReferenceBuffer sums, double lossSum, int rows) {
        sums.set(LossStatistics.BATCH_MEAN, lossSum / rows);
        sums.set(LossStatistics.LOSS_SUM, sums.get(LossStatistics.LOSS_SUM) + lossSum);
        sums.set(LossStatistics.SAMPLES, sums.get(LossStatistics.SAMPLES) + rows);
        sums.set(LossStatistics.BATCHES, sums.get(LossStatistics.BATCHES) + 1);
        if (!Double.isFinite(lossSum) && sums.get(LossStatistics.FIRST_NOT_FINITE) == 0) {
            sums.set(LossStatistics.FIRST_NOT_FINITE, sums.get(LossStatistics.BATCHES));
        }
    }
}

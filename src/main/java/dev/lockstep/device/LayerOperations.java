package dev.lockstep.device;

/**
 * The operations of layers that are neither matrix products nor activations: norms, dropout, residual blocks, gates. What
 * {@link Operations} says of types, overlaps and errors holds here, too; a norm's weight, bias and statistics are never
 * in a smaller compute type: they are FLOAT32 on a device that computes in BFLOAT16.
 *
 * <p>Shapes: {@code x}, {@code y} and their gradients [batch, features]; {@code weight}, {@code bias} and their
 * gradients [features]. {@code statistics} are means, then reciprocal standard deviations 1/√(variance + eps): of each
 * sample for layer norm, [2 · batch], of each feature for batch norm, [2 · features]. {@code normalized} below is
 * (x − mean) · reciprocal standard deviation. Sums are FLOAT64, so that the mean of squares less the square of the mean
 * keeps the digits of FLOAT32.
 */
public interface LayerOperations {
    /** The number of the step, in the counters that random numbers are drawn by. */
    int STEP_COUNTER = 0;
    /** The number of the micro-batch in the step. */
    int MICRO_BATCH_COUNTER = 1;
    int COUNTERS = 2;

    /** A layer's random numbers: the generator's key is the seed, the rest says which of them; see {@link #dropout}. */
    record RandomSource(DeviceBuffer counters, long seed, int rank, int layer) {
        private static final int LIMIT = 1 << 16;

        public RandomSource {
            if (rank < 0 || rank >= LIMIT || layer < 0 || layer >= LIMIT) {
                throw new IllegalArgumentException("random numbers of rank " + rank + " and layer " + layer
                        + ", where both are below " + LIMIT);
            }
        }

        /** A word of the counter. */
        public int layerAndRank() {
            return layer + (rank << 16);
        }
    }

    /** The random word, unsigned, from which on an element stays. */
    static int dropThreshold(double probability) {
        return (int) Math.min(Math.round(Math.scalb(probability, Integer.SIZE)), (1L << Integer.SIZE) - 1);
    }

    /** What batch norm keeps for evaluation: [features] each, and INT64 [1], the number of batches. */
    record RunningStatistics(DeviceBuffer mean, DeviceBuffer variance, DeviceBuffer batches) {
    }

    /** y = normalized · weight + bias, and the statistics, the variance being that of the sample's features, biased. */
    Operation layerNormForward(Matrix x, DeviceBuffer weight, DeviceBuffer bias, double eps, Matrix y,
            DeviceBuffer statistics);

    /** The gradient of {@link #layerNormForward}'s x. */
    Operation layerNormBackward(Matrix x, Matrix yGradient, DeviceBuffer weight, DeviceBuffer statistics,
            Matrix xGradient);

    /** Of each feature the sum of yGradient, then that of yGradient · normalized, over the batch: sums [2 · features]. */
    Operation layerNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums);

    /** Of each feature the sum, then that of the squares, over the batch; last the batch: sums [2 · features + 1]. */
    Operation batchNormSums(Matrix x, DeviceBuffer sums);

    /**
     * The statistics that follow from {@link #batchNormSums}, the variance being biased, and
     * running = (1 − momentum) · running + momentum · batch's, with the variance unbiased; one batch more is counted.
     */
    Operation batchNormStatistics(DeviceBuffer sums, double eps, double momentum, RunningStatistics running,
            DeviceBuffer statistics);

    /** The statistics to evaluate with. */
    Operation batchNormRunningStatistics(RunningStatistics running, double eps, DeviceBuffer statistics);

    /** y = normalized · weight + bias. */
    Operation batchNormForward(Matrix x, DeviceBuffer statistics, DeviceBuffer weight, DeviceBuffer bias, Matrix y);

    /** Of each feature the sum of yGradient, then that of yGradient · normalized, over the batch: sums [2 · features]. */
    Operation batchNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums);

    /**
     * The gradient of x: weight · reciprocal standard deviation · (yGradient − (s + p · normalized) / n).
     *
     * @param forwardSums  of {@link #batchNormSums}, for the batch n
     * @param backwardSums of {@link #batchNormBackwardSums}, s and p; both are over all ranks if the statistics are
     */
    Operation batchNormBackward(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer weight,
            DeviceBuffer forwardSums, DeviceBuffer backwardSums, Matrix xGradient);

    /**
     * biasGradient = the first half of {@code sums} [2 · features], weightGradient = the second.
     *
     * @param accumulate adds to what they hold instead of overwriting it
     */
    Operation normParameterGradients(DeviceBuffer sums, DeviceBuffer weightGradient, DeviceBuffer biasGradient,
            boolean accumulate);

    /**
     * y[i] = x[i] / (1 − probability), or x[i] · 0 with that probability; y may be x. The same source gives the same
     * choice again, so that backward needs no mask: it is the same operation on gradients.
     *
     * <p>Element i is dropped if word i mod 4 of Philox4x32-10 (Salmon and others, "Parallel random numbers: as easy as 1,
     * 2, 3", 2011) is below ⌊probability · 2³² + ½⌋, at most 2³² − 1. The key's words are the lower and the upper half of the seed, the
     * counter's i div 4, layer + 2¹⁶ · rank, the step and the micro-batch of the step.
     *
     * @param probability from 0 to less than 1
     */
    Operation dropout(DeviceBuffer x, DeviceBuffer y, RandomSource source, double probability);

    /** One more in {@code counters} (INT32 [{@link #COUNTERS}]) at {@code index}; those behind it become 0. */
    Operation countUp(DeviceBuffer counters, int index);

    /** y = a + b, element by element; y may be a or b. */
    Operation add(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y);

    /** y = a · b, element by element, as a gate has it; y may be a or b. */
    Operation multiply(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y);
}

package dev.lockstep.data;

import static dev.lockstep.data.SyntheticSource.mix;
import static dev.lockstep.data.SyntheticSource.noise;
import static dev.lockstep.data.SyntheticSource.uniform;
import static dev.lockstep.data.SyntheticSource.word;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.OptionalInt;

/**
 * A regression task in the manner of {@link SyntheticSource}: features are noise of variance 1, and a target is a weighted
 * sum of them, of variance 1, with noise of a standard deviation of 0.1, which is the least RMSE that can be learned. The
 * weights follow from the numbers of features and outputs alone.
 *
 * <p>The recipe, with that class's words, noise and uniform numbers; sums are doubles, added up in this order:
 * <pre>
 * weight[k, j]  = uniform(word(mix(features · 2³² + outputs), k · features + j)) · √(3 / features)
 * sampleKey[i]  = word(mix(seed), i)
 * feature[i, j] = noise(word(sampleKey[i], j))
 * target[i, k]  = Σ_j weight[k, j] · feature[i, j] + 0.1 · noise(word(sampleKey[i], features + k))
 * </pre>
 */
public final class SyntheticValuesSource implements DatasetSource {
    private static final double NOISE = 0.1;
    private static final int BLOCK_ELEMENTS = 1 << 20;

    private final int samples;
    private final int features;
    private final int outputs;
    private final long seed;
    private final long seedKey;
    private final long weightsKey;
    private final double scale;

    /** All sizes at least 1. */
    public SyntheticValuesSource(int samples, int features, int outputs, long seed) {
        if (samples < 1 || features < 1 || outputs < 1) {
            throw new IllegalArgumentException(samples + " samples of " + features + " features and " + outputs
                    + " outputs");
        }
        this.samples = samples;
        this.features = features;
        this.outputs = outputs;
        this.seed = seed;
        seedKey = mix(seed);
        weightsKey = mix(((long) features << 32) + outputs);
        scale = Math.sqrt(3.0 / features);
    }

    @Override
    public String description() {
        return "synthetic data, " + samples + " x " + features + " with " + outputs + (outputs == 1 ? " output" : " outputs")
                + ", seed " + seed;
    }

    @Override
    public DatasetInfo info() {
        // In doubles, for it may be more than a long holds.
        double bytes = ((double) features + outputs) * Float.BYTES * samples;
        return new DatasetInfo(samples, features, OptionalInt.of(outputs),
                bytes >= Long.MAX_VALUE ? Long.MAX_VALUE : ((long) features + outputs) * Float.BYTES * samples);
    }

    @Override
    public Dataset load(Device device, boolean featuresOnHost) {
        Matrix matrix = Dataset.allocateFeatures(device, featuresOnHost, DataType.FLOAT32, samples, features);
        int sample = 0;
        int column = 0;
        BlockWriter writer = new BlockWriter(matrix.data(), BLOCK_ELEMENTS);
        for (ByteBuffer block = writer.next(); block != null; block = writer.next()) {
            FloatBuffer values = block.asFloatBuffer();
            while (values.hasRemaining()) {
                long sampleKey = word(seedKey, sample);
                for (; column < features && values.hasRemaining(); column++) {
                    values.put(noise(word(sampleKey, column)));
                }
                if (column == features) {
                    column = 0;
                    sample++;
                }
            }
        }
        Matrix targets = Matrix.allocate(device, DataType.FLOAT32, samples, outputs);
        loadTargets(targets);
        return new Dataset(description(), featuresOnHost, matrix, new Targets.Values(targets), 1);
    }

    private void loadTargets(Matrix targets) {
        double[] sums = new double[outputs];
        int sample = 0;
        int output = 0;
        BlockWriter writer = new BlockWriter(targets.data(), BLOCK_ELEMENTS);
        for (ByteBuffer block = writer.next(); block != null; block = writer.next()) {
            FloatBuffer values = block.asFloatBuffer();
            while (values.hasRemaining()) {
                if (output == 0) {
                    sum(word(seedKey, sample), sums);
                }
                values.put((float) sums[output++]);
                if (output == outputs) {
                    output = 0;
                    sample++;
                }
            }
        }
    }

    private void sum(long sampleKey, double[] sums) {
        for (int k = 0; k < outputs; k++) {
            double sum = 0;
            for (int j = 0; j < features; j++) {
                sum += uniform(word(weightsKey, (long) k * features + j)) * scale * noise(word(sampleKey, j));
            }
            sums[k] = sum + NOISE * noise(word(sampleKey, (long) features + k));
        }
    }
}

package dev.lockstep.data;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/**
 * A classification task made of nothing but arithmetic that Java defines to the bit, so that it is the same on every
 * rank and machine. A sample is its class's centre plus noise of variance 1. The centres follow from the numbers of
 * features and classes alone: sources that differ in seed or samples, one to train and one to test on, share the task.
 *
 * <p>The recipe: word(key, i) is SplitMix64's output number i (from 0 on) from the state {@code key}, mix its last step.
 * <pre>
 * centre[c, j] = (k · 2⁻²³ − 1) · max(1, 16/√features),  k the upper 24 bits of
 *                word(mix(features · 2³² + classes), c · features + j)
 * sampleKey[i] = word(mix(seed), i)
 * label[i]     = upper half of sampleKey[i], times classes, divided by 2³²
 * noise[i, j]  = (s − 131070) · (float) (√3 · 2⁻¹⁶),     s the sum of the four quarters of word(sampleKey[i], j)
 * </pre>
 */
public final class SyntheticSource implements DatasetSource {
    private static final long SPLITMIX_INCREMENT = 0x9E37_79B9_7F4A_7C15L;
    /** Mean of the sum of four numbers of 16 bits. */
    private static final int QUARTERS_MEAN = 2 * 0xFFFF;
    /** Brings that sum to a variance of 1. */
    private static final float NOISE_SCALE = (float) (Math.sqrt(3) * 0x1p-16);
    private static final int BLOCK_ELEMENTS = 1 << 20;

    private final int samples;
    private final int features;
    private final int classes;
    private final long seed;
    private final long seedKey;
    private final long centresKey;
    private final float amplitude;

    /** All sizes at least 1. */
    public SyntheticSource(int samples, int features, int classes, long seed) {
        if (samples < 1 || features < 1 || classes < 1) {
            throw new IllegalArgumentException(samples + " samples of " + features + " features in " + classes + " classes");
        }
        this.samples = samples;
        this.features = features;
        this.classes = classes;
        this.seed = seed;
        this.seedKey = mix(seed);
        this.centresKey = mix(((long) features << 32) + classes);
        this.amplitude = (float) Math.max(1, 16 / Math.sqrt(features));
    }

    @Override
    public String description() {
        return "synthetic data, " + samples + " x " + features + " in " + classes + " classes, seed " + seed;
    }

    @Override
    public DatasetInfo info() {
        long bytes = (features + 1L) * Float.BYTES * samples;
        // Below 2⁶⁴ in any case, so that an overflow shows as a negative number.
        return new DatasetInfo(samples, features, bytes < 0 ? Long.MAX_VALUE : bytes);
    }

    @Override
    public Dataset load(Device device, boolean featuresOnHost) {
        Matrix matrix = Dataset.allocateFeatures(device, featuresOnHost, DataType.FLOAT32, samples, features);
        long first = 0;
        BlockWriter writer = new BlockWriter(matrix.data(), BLOCK_ELEMENTS);
        for (ByteBuffer block = writer.next(); block != null; block = writer.next()) {
            FloatBuffer values = block.asFloatBuffer();
            int elements = values.remaining();
            fill(values, first);
            first += elements;
        }
        return loadLabels(featuresOnHost, matrix, device.allocate(DataType.INT32, samples));
    }

    /** Fills {@code target} with the elements from {@code element} on, of all samples' in a row. */
    private void fill(FloatBuffer target, long element) {
        int sample = (int) (element / features);
        int feature = (int) (element % features);
        while (target.hasRemaining()) {
            int end = (int) Math.min(features, (long) feature + target.remaining());
            long sampleKey = word(seedKey, sample);
            long centreBase = (long) label(sampleKey) * features;
            for (; feature < end; feature++) {
                target.put(centre(centreBase + feature) + noise(word(sampleKey, feature)));
            }
            feature = 0;
            sample++;
        }
    }

    private Dataset loadLabels(boolean featuresOnHost, Matrix matrix, DeviceBuffer labels) {
        int largest = -1;
        int largestSample = -1;
        int sample = 0;
        BlockWriter writer = new BlockWriter(labels, BLOCK_ELEMENTS);
        for (ByteBuffer block = writer.next(); block != null; block = writer.next()) {
            IntBuffer values = block.asIntBuffer();
            for (; values.hasRemaining(); sample++) {
                int label = label(word(seedKey, sample));
                values.put(label);
                if (label > largest) {
                    largest = label;
                    largestSample = sample;
                }
            }
        }
        return new Dataset(description(), featuresOnHost, matrix, new Targets.Labels(labels, largest, largestSample), 1);
    }

    private int label(long sampleKey) {
        return (int) ((sampleKey >>> 32) * classes >>> 32);
    }

    private float centre(long index) {
        return uniform(word(centresKey, index)) * amplitude;
    }

    /** In [−1, 1). */
    static float uniform(long word) {
        return (word >>> 40) * 0x1p-23f - 1;
    }

    static float noise(long word) {
        int sum = (int) (word & 0xFFFF) + (int) (word >>> 16 & 0xFFFF) + (int) (word >>> 32 & 0xFFFF) + (int) (word >>> 48);
        return (sum - QUARTERS_MEAN) * NOISE_SCALE;
    }

    static long word(long key, long index) {
        return mix(key + (index + 1) * SPLITMIX_INCREMENT);
    }

    static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D0_49BB_1331_11EBL;
        return z ^ (z >>> 31);
    }
}

package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class SyntheticSourceTest {
    @Test
    void shouldFollowItsRecipeToTheBit() {
        for (JsonNode expected : Golden.cases("synthetic")) {
            SyntheticSource source = new SyntheticSource(expected.get("samples").asInt(), expected.get("features").asInt(),
                    expected.get("classes").asInt(), expected.get("seed").asLong());
            for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
                try (device) {
                    Dataset dataset = source.load(device);
                    assertEquals(Golden.brief(expected.get("values")),
                            Golden.brief(Buffers.readFloats(dataset.features().data())), expected::toString);
                    assertEquals(Golden.brief(expected.get("labels")), Golden.brief(labels(dataset)),
                            expected::toString);
                }
            }
        }
    }

    @Test
    void shouldTellItsSizesBeforeItIsLoaded() {
        SyntheticSource source = new SyntheticSource(30, 7, 5, 1);
        DatasetInfo info = source.info();
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = source.load(device);
            assertEquals(new DatasetInfo(30, 7, device.allocatedBytes()), info);
            assertEquals(30, dataset.samples());
            assertEquals(7, dataset.features().columns());
            assertEquals(DataType.FLOAT32, dataset.features().data().type());
            assertEquals(1, dataset.divisor());
            int[] labels = labels(dataset);
            int largest = Arrays.stream(labels).max().orElseThrow();
            Targets.Labels targets = (Targets.Labels) dataset.targets();
            assertEquals(largest, targets.largest());
            for (int i = 0; i < targets.largestSample(); i++) {
                assertTrue(labels[i] < largest);
            }
            assertEquals(largest, labels[targets.largestSample()]);
        }
        assertEquals(16384L * 1024 * 1024 * 4 + 16384L * 1024 * 4,
                new SyntheticSource(16384 * 1024, 1024, 10, 0).info().residentBytes());
        assertEquals(Long.MAX_VALUE,
                new SyntheticSource(Integer.MAX_VALUE, Integer.MAX_VALUE, 10, 0).info().residentBytes());
    }

    @Test
    void shouldGiveTheSameSamplesAcrossBlocks() {
        // 2 000 001 elements: a row is divided between two blocks, and the last block is short.
        try (Device device = new ReferenceDevice()) {
            float[] few = Buffers.readFloats(new SyntheticSource(2, 666_667, 3, 9).load(device).features().data());
            float[] more = Buffers.readFloats(new SyntheticSource(3, 666_667, 3, 9).load(device).features().data());
            assertArrayEquals(few, Arrays.copyOf(more, few.length));
        }
    }

    @Test
    void shouldDrawAllClassesAboutEquallyAndNoiseOfVarianceOne() {
        int samples = 20_000;
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = new SyntheticSource(samples, 4, 5, 0).load(device);
            int[] labels = labels(dataset);
            float[] values = Buffers.readFloats(dataset.features().data());
            for (int label = 0; label < 5; label++) {
                double count = 0;
                double sum = 0;
                double squares = 0;
                for (int i = 0; i < samples; i++) {
                    if (labels[i] == label) {
                        count++;
                        sum += values[4 * i + 2];
                        squares += (double) values[4 * i + 2] * values[4 * i + 2];
                    }
                }
                double mean = sum / count;
                assertEquals(samples / 5.0, count, 5 * Math.sqrt(samples * 0.2 * 0.8), "samples of " + label);
                assertEquals(1, squares / count - mean * mean, 0.1, "variance within " + label);
                assertTrue(Math.abs(mean) <= 8, "centre " + mean);
            }
        }
    }

    @Test
    void shouldBeLearnedInOneEpochAndHoldForAnotherSeed() {
        for (int[] shape : new int[][] {{4096, 100, 10}, {2048, 3, 3}, {4096, 400, 4}}) {
            try (Device device = new ReferenceDevice()) {
                Dataset train = new SyntheticSource(shape[0], shape[1], shape[2], 0).load(device);
                Dataset test = new SyntheticSource(1000, shape[1], shape[2], 1).load(device);
                double[][] weight = new double[shape[2]][shape[1] + 1];
                double untrained = perceptronEpoch(weight, test, false);
                perceptronEpoch(weight, train, true);
                double trained = perceptronEpoch(weight, test, false);
                assertTrue(untrained < 1.5 / shape[2], () -> "the first class alone gives " + untrained);
                assertTrue(trained > 0.9, () -> Arrays.toString(shape) + " reached only " + trained);
            }
        }
    }

    @Test
    void shouldRefuseSizesBelowOne() {
        assertThrows(IllegalArgumentException.class, () -> new SyntheticSource(0, 1, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new SyntheticSource(1, 0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new SyntheticSource(1, 1, 0, 0));
    }

    /** Shares of samples that a multiclass perceptron with bias gets right, learning from its mistakes or not. */
    private static double perceptronEpoch(double[][] weight, Dataset dataset, boolean learn) {
        int features = dataset.features().columns();
        float[] values = Buffers.readFloats(dataset.features().data());
        int[] labels = labels(dataset);
        int correct = 0;
        for (int i = 0; i < labels.length; i++) {
            int best = 0;
            double bestScore = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < weight.length; c++) {
                double score = weight[c][features];
                for (int j = 0; j < features; j++) {
                    score += weight[c][j] * values[i * features + j];
                }
                if (score > bestScore) {
                    best = c;
                    bestScore = score;
                }
            }
            if (best == labels[i]) {
                correct++;
            } else if (learn) {
                for (int j = 0; j <= features; j++) {
                    double step = j < features ? values[i * features + j] : 1;
                    weight[labels[i]][j] += step;
                    weight[best][j] -= step;
                }
            }
        }
        return (double) correct / labels.length;
    }

    private static int[] labels(Dataset dataset) {
        return Arrays.stream(Buffers.read(dataset.targets().data())).mapToInt(label -> (int) label).toArray();
    }
}

package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class SyntheticValuesSourceTest {
    @Test
    void shouldFollowItsRecipeToTheBit() {
        for (JsonNode expected : Golden.cases("synthetic-values")) {
            SyntheticValuesSource source = new SyntheticValuesSource(expected.get("samples").asInt(),
                    expected.get("features").asInt(), expected.get("outputs").asInt(), expected.get("seed").asLong());
            for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
                try (device) {
                    Dataset dataset = source.load(device);
                    assertEquals(Golden.brief(expected.get("values")),
                            Golden.brief(Buffers.readFloats(dataset.features().data())), expected::toString);
                    assertEquals(Golden.brief(expected.get("targets")),
                            Golden.brief(Buffers.readFloats(dataset.targets().data())), expected::toString);
                }
            }
        }
    }

    @Test
    void shouldTellItsSizesBeforeItIsLoaded() {
        try (Device device = new ReferenceDevice()) {
            SyntheticValuesSource source = new SyntheticValuesSource(30, 7, 5, 1);
            source.load(device);
            assertEquals(new DatasetInfo(30, 7, OptionalInt.of(5), device.allocatedBytes()), source.info());
        }
        int most = Integer.MAX_VALUE;
        assertEquals(Long.MAX_VALUE, new SyntheticValuesSource(most, most, most, 0).info().residentBytes());
    }

    @Test
    void shouldGiveTheSameSamplesAcrossBlocks() {
        // 2 000 001 elements: a row is divided between two blocks, and the last block is short.
        try (Device device = new ReferenceDevice()) {
            for (int[] shape : new int[][] {{666_667, 1}, {1, 666_667}}) {
                Dataset few = new SyntheticValuesSource(2, shape[0], shape[1], 9).load(device);
                Dataset more = new SyntheticValuesSource(3, shape[0], shape[1], 9).load(device);
                assertArrayEquals(Buffers.readFloats(few.features().data()),
                        Arrays.copyOf(Buffers.readFloats(more.features().data()), 2 * shape[0]));
                assertArrayEquals(Buffers.readFloats(few.targets().data()),
                        Arrays.copyOf(Buffers.readFloats(more.targets().data()), 2 * shape[1]));
            }
        }
    }

    @Test
    void shouldDrawTargetsOfVarianceOneAboutZero() {
        int samples = 20_000;
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = new SyntheticValuesSource(samples, 300, 1, 0).load(device);
            float[] targets = Buffers.readFloats(dataset.targets().data());
            double sum = 0;
            double squares = 0;
            for (float target : targets) {
                sum += target;
                squares += (double) target * target;
            }
            assertEquals(0, sum / samples, 0.05);
            // That of 300 weights is itself off by some tenth.
            assertEquals(1, squares / samples, 0.3);
        }
    }

    @Test
    void shouldRefuseSizesBelowOne() {
        assertThrows(IllegalArgumentException.class, () -> new SyntheticValuesSource(0, 1, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new SyntheticValuesSource(1, 0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new SyntheticValuesSource(1, 1, 0, 0));
    }
}

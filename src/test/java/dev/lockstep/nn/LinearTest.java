package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class LinearTest {
    @Test
    void shouldComputeRowsTogetherUntilThereAreAsManyAsTheDeviceWants() {
        int[] ends = {256, 512, 768, 1024, 1280, 1536};

        assertArrayEquals(ends, Linear.merged(ends, 1));
        assertArrayEquals(ends, Linear.merged(ends, 256));
        assertArrayEquals(new int[] {512, 1024, 1536}, Linear.merged(ends, 257));
        assertArrayEquals(new int[] {1024, 1536}, Linear.merged(ends, 1024));
        assertArrayEquals(new int[] {1536}, Linear.merged(ends, 2000));
        assertArrayEquals(new int[] {7}, Linear.merged(new int[] {7}, 1024));
    }
}

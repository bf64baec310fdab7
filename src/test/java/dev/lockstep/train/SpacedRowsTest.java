package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SpacedRowsTest {
    @Test
    void shouldKeepEveryStepAsLongAsTheyFit() {
        assertArrayEquals(new double[] {0, 0.5, 1, 1.5, 2, 2.5}, rows(2, 4, 3).toArray());
    }

    /** With room for n rows there are always n/2 to n of them, the first step's first, with the same space between them. */
    @Test
    void shouldKeepEvenlySpacedSteps() {
        for (int capacity : new int[] {2, 4, 6, 10}) {
            for (int steps = 1; steps <= 200; steps++) {
                double[] kept = rows(1, capacity, steps).toArray();
                int spacing = kept.length == 1 ? 1 : (int) (kept[1] - kept[0]);
                assertEquals(1, Integer.bitCount(spacing));
                assertArrayEquals(IntStream.range(0, kept.length).mapToDouble(i -> i * spacing).toArray(), kept);
                assertEquals((steps + spacing - 1) / spacing, kept.length, capacity + " rows, " + steps + " steps");
                assertEquals(true, kept.length <= capacity && (spacing == 1 || 2 * kept.length >= capacity));
            }
        }
    }

    @Test
    void shouldBeginAnew() {
        SpacedRows rows = rows(1, 4, 100);
        rows.clear();
        assertEquals(0, rows.toArray().length);
        rows.next();
        rows.put(0, 7);
        rows.next();
        rows.put(0, 8);
        assertArrayEquals(new double[] {7, 8}, rows.toArray());
    }

    /** Where there is nothing to keep of a step. */
    @Test
    void shouldHaveRowsWithoutColumns() {
        assertEquals(0, rows(0, 2, 100).toArray().length);
    }

    private static SpacedRows rows(int width, int capacity, int steps) {
        SpacedRows rows = new SpacedRows(width, capacity);
        for (int step = 0; step < steps; step++) {
            if (rows.next()) {
                for (int column = 0; column < width; column++) {
                    rows.put(column, step + 0.5 * column);
                }
            }
        }
        return rows;
    }
}

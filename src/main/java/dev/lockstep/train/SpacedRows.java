package dev.lockstep.train;

import java.util.Arrays;

/**
 * A row of numbers for each of evenly spaced steps: of every step as long as they fit, then of every second, and so on. Which
 * steps these are depends on their count alone.
 */
final class SpacedRows {
    private final int width;
    private final int capacity;
    private final double[] values; // [capacity, width]
    private int rows;
    private long steps;
    /** Between two rows; a power of two. */
    private long spacing = 1;

    /** @param capacity rows, even */
    SpacedRows(int width, int capacity) {
        this.width = width;
        this.capacity = capacity;
        values = new double[Math.multiplyExact(capacity, width)];
    }

    void clear() {
        rows = 0;
        steps = 0;
        spacing = 1;
    }

    /** Goes on to the next step; whether it has a row, which is then to be filled by {@link #put}. */
    boolean next() {
        if (steps++ % spacing != 0) {
            return false;
        }
        if (rows == capacity) {
            rows /= 2;
            for (int row = 1; row < rows; row++) {
                System.arraycopy(values, 2 * row * width, values, row * width, width);
            }
            // This step is the capacity-th multiple of the old spacing, and so one of the new.
            spacing *= 2;
        }
        rows++;
        return true;
    }

    void put(int column, double value) {
        values[(rows - 1) * width + column] = value;
    }

    /** A copy, [rows, width]. */
    double[] toArray() {
        return Arrays.copyOf(values, rows * width);
    }
}

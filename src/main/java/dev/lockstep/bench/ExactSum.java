package dev.lockstep.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * Numbers for every rank to fill a buffer with whose sum over all ranks is known to the last bit, in whatever order it is
 * taken: small whole numbers, none zero, so that a contribution that is lost or counted twice shows.
 */
final class ExactSum {
    /** The numbers repeat after so many elements: a prime, so that parts of a sum that change places show as well. */
    private static final int PERIOD = 1021;
    /** Whole numbers from 1 to this. Floats count up to 2^24, so that the sum is exact up to 275 000 ranks. */
    private static final int LARGEST = 61;

    private static final float[] ZEROS = new float[PERIOD];

    private final float[] own = new float[PERIOD];
    private final float[] expected = new float[PERIOD];
    private final float[] found = new float[PERIOD];

    ExactSum(int rank, int ranks) {
        for (int i = 0; i < PERIOD; i++) {
            own[i] = number(rank, i);
            for (int r = 0; r < ranks; r++) {
                expected[i] += number(r, i);
            }
        }
    }

    private static float number(int rank, int index) {
        return 1 + (17L * rank + 31 * index) % LARGEST;
    }

    /** Writes this rank's numbers to all of {@code floats}. */
    void fill(ByteBuffer floats) {
        repeat(own, floats);
    }

    /** Writes zeros, which any number of in-place sums leaves as they are: other numbers would grow to infinity. */
    static void clear(ByteBuffer floats) {
        repeat(ZEROS, floats);
    }

    /** How many elements of {@code floats} are not the sum of all ranks' numbers, bit for bit. */
    long countWrong(ByteBuffer floats) {
        long wrong = 0;
        for (FloatBuffer rest = floats(floats); rest.hasRemaining(); ) {
            int count = Math.min(PERIOD, rest.remaining());
            rest.get(found, 0, count);
            for (int i = Arrays.mismatch(found, 0, count, expected, 0, count); i >= 0 && i < count; i++) {
                wrong += found[i] == expected[i] ? 0 : 1;
            }
        }
        return wrong;
    }

    private static void repeat(float[] numbers, ByteBuffer floats) {
        for (FloatBuffer rest = floats(floats); rest.hasRemaining(); ) {
            rest.put(numbers, 0, Math.min(PERIOD, rest.remaining()));
        }
    }

    private static FloatBuffer floats(ByteBuffer bytes) {
        return bytes.duplicate().clear().order(ByteOrder.nativeOrder()).asFloatBuffer();
    }
}

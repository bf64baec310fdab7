package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExactSumTest {
    private static final int RANKS = 5;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 1020, 1021, 1022, 5000})
    void shouldAcceptTheSumOfAllRanksInAnyOrder(int count) {
        ByteBuffer upwards = floats(count);
        ByteBuffer downwards = floats(count);
        for (int r = 0; r < RANKS; r++) {
            add(numbers(r, count), upwards);
            add(numbers(RANKS - 1 - r, count), downwards);
        }
        assertEquals(0, new ExactSum(0, RANKS).countWrong(upwards));
        assertEquals(0, new ExactSum(RANKS - 1, RANKS).countWrong(downwards));
    }

    @Test
    void shouldCountEachElementThatIsOffInTheLastBit() {
        ByteBuffer sum = floats(3000);
        for (int r = 0; r < RANKS; r++) {
            add(numbers(r, 3000), sum);
        }
        for (int i : new int[] {0, 1, 1020, 1021, 2999}) {
            sum.putFloat(i * Float.BYTES, Math.nextUp(sum.getFloat(i * Float.BYTES)));
        }
        assertEquals(5, new ExactSum(0, RANKS).countWrong(sum));
    }

    @Test
    void shouldCountEveryElementWhereARankIsMissingOrCountedTwice() {
        ByteBuffer missing = floats(3000);
        ByteBuffer twice = numbers(3, 3000);
        for (int r = 0; r < RANKS; r++) {
            add(numbers(r, 3000), twice);
            if (r != 2) {
                add(numbers(r, 3000), missing);
            }
        }
        assertEquals(3000, new ExactSum(0, RANKS).countWrong(missing));
        assertEquals(3000, new ExactSum(0, RANKS).countWrong(twice));
    }

    @Test
    void shouldSeePartsThatHaveChangedPlaces() {
        int half = 1 << 15;
        ByteBuffer numbers = numbers(0, 2 * half);
        ByteBuffer exchanged = floats(2 * half);
        exchanged.put(0, numbers, half * Float.BYTES, half * Float.BYTES);
        exchanged.put(half * Float.BYTES, numbers, 0, half * Float.BYTES);
        assertEquals(0, new ExactSum(0, 1).countWrong(numbers));
        // Of 61 numbers a few may meet their like where the pattern begins anew.
        assertEquals(2.0 * half, new ExactSum(0, 1).countWrong(exchanged), 0.05 * half);
    }

    @Test
    void shouldClear() {
        ByteBuffer numbers = numbers(0, 1030);
        ExactSum.clear(numbers);
        assertEquals(floats(1030), numbers);
    }

    private static ByteBuffer numbers(int rank, int count) {
        ByteBuffer numbers = floats(count);
        new ExactSum(rank, RANKS).fill(numbers);
        return numbers;
    }

    private static ByteBuffer floats(int count) {
        return ByteBuffer.allocateDirect(count * Float.BYTES).order(ByteOrder.nativeOrder());
    }

    private static void add(ByteBuffer numbers, ByteBuffer sum) {
        for (int at = 0; at < sum.capacity(); at += Float.BYTES) {
            sum.putFloat(at, sum.getFloat(at) + numbers.getFloat(at));
        }
    }
}

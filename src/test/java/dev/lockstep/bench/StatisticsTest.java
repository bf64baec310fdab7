package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatisticsTest {
    /** Ranks of the order statistics, as tables of nonparametric confidence intervals give them. */
    @ParameterizedTest(name = "{0} values: from the {1}th to the {2}th")
    @CsvSource({"1, 1, 1", "5, 1, 5", "6, 1, 6", "8, 1, 8", "9, 2, 8", "10, 2, 9", "15, 4, 12", "20, 6, 15", "25, 8, 18",
        "30, 10, 21", "50, 18, 33", "100, 40, 61", "5000, 2431, 2570"})
    void shouldTakeTheIntervalFromTheTable(int count, double low, double high) {
        double[] values = IntStream.rangeClosed(1, count).mapToDouble(i -> count + 1 - i).toArray();
        assertEquals(new Statistics.Interval(low, high), Statistics.interval95(values));
        assertEquals((count + 1) / 2.0, Statistics.median(values));
        assertEquals(count, values[0], "the values are left as they are");
    }

    @Test
    void shouldHoldTheMedianInAsManySamplesAsItPromises() {
        SplittableRandom random = new SplittableRandom(1);
        int samples = 4000;
        int held = 0;
        for (int i = 0; i < samples; i++) {
            // Median ln 2, and far from normal.
            double[] values = DoubleStream.generate(() -> -Math.log(1 - random.nextDouble())).limit(11).toArray();
            Statistics.Interval interval = Statistics.interval95(values);
            held += interval.low() <= Math.log(2) && Math.log(2) <= interval.high() ? 1 : 0;
        }
        // 98.8 % of eleven values.
        assertTrue(held > 0.98 * samples && held < 0.995 * samples, held + " of " + samples);
    }

    @Test
    void shouldPromiseNothingOfFewerThanSixValues() {
        assertEquals("least and greatest", Statistics.intervalName(5));
        assertEquals("95 % confidence interval", Statistics.intervalName(6));
    }

    @Test
    void shouldRefuseNoValues() {
        assertThrows(IllegalArgumentException.class, () -> Statistics.median(new double[0]));
        assertThrows(IllegalArgumentException.class, () -> Statistics.interval95(new double[0]));
    }
}

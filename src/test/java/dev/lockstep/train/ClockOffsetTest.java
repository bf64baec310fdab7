package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

class ClockOffsetTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    /** Messages between threads take less even on a machine that is busy with other things. */
    private static final double PRECISION_NANOS = 50e6;

    /** The clocks count from moments of their own, which is hours, and one of them runs fast. */
    @Test
    void shouldFindTheOffsetAndTheDriftOfOtherMachines() {
        RankThreads.run(3, LIMIT, communicator -> {
            int rank = communicator.rank();
            double speed = 1 + 0.5 * rank;
            long begin = System.nanoTime();
            LongSupplier clock = () -> rank * 3_600_000_000_000L
                    + (rank == 0 ? System.nanoTime() : begin + (long) ((System.nanoTime() - begin) * speed));
            ClockOffset offset = new ClockOffset(communicator, clock);
            long between = clock.getAsLong();
            long expected = System.nanoTime();
            long end = System.nanoTime() + 300_000_000L;
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            long late = clock.getAsLong();
            long expectedLate = System.nanoTime();
            ClockOffset.ToRank0 toRank0 = offset.toRank0();
            assertEquals(expected, toRank0.nanos(between), PRECISION_NANOS);
            assertEquals(expectedLate, toRank0.nanos(late), PRECISION_NANOS);
        });
    }

    @Test
    void shouldTakeClocksForTheSameWhereTheyMayBe() {
        assertEquals(0, ClockOffset.between(-500, 2_000));
        assertEquals(0, ClockOffset.between(0, 0));
        assertEquals(1_500, ClockOffset.between(1_000, 2_000));
        assertEquals(-1_500, ClockOffset.between(-2_000, -1_000));
        RankThreads.run(2, LIMIT, communicator -> {
            ClockOffset offset = new ClockOffset(communicator, System::nanoTime);
            long now = System.nanoTime();
            assertTrue(offset.toRank0().nanos(now) == now);
        });
    }
}

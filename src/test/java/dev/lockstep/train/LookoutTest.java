package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.local.SingleRank;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LookoutTest {
    private static final long MILLISECOND = 1_000_000;
    private static final double INTERVAL_SECONDS = 0.1;

    private long now;
    private boolean stopRequested;
    private int asked;

    @ParameterizedTest
    @ValueSource(longs = {0, 1_000_000_000})
    void shouldAskTenTimesASecondWhereverTrainingStarts(long start) {
        Lookout lookout = lookout(0, start);

        takeSteps(lookout, start, 1000);

        assertEquals(10, asked, 1);
        stopRequested = true;
        takeSteps(lookout, start + 1000, 101);
        assertTrue(lookout.stopIsRequested());
    }

    @Test
    void shouldFindACheckpointDueByTheClock() {
        Lookout lookout = lookout(0.01, 0);

        takeSteps(lookout, 0, 590);
        assertFalse(lookout.checkpointIsDue());
        while (!lookout.checkpointIsDue()) {
            takeSteps(lookout, now / MILLISECOND, 1);
        }
        assertEquals(600, now / MILLISECOND, 101);
        lookout.checkpointed();
        takeSteps(lookout, now / MILLISECOND, 101);
        assertFalse(lookout.checkpointIsDue());
    }

    private Lookout lookout(double checkpointMinutes, long start) {
        return new Lookout(new SingleRank(), checkpointMinutes, () -> {
            asked++;
            return stopRequested;
        }, INTERVAL_SECONDS, start, () -> now);
    }

    /** Of a millisecond each. */
    private void takeSteps(Lookout lookout, long from, int steps) {
        for (long step = from + 1; step <= from + steps && !lookout.stopIsRequested(); step++) {
            now += MILLISECOND;
            lookout.look(step);
        }
    }
}

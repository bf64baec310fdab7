package dev.lockstep.train;

import static dev.lockstep.train.ValidationProgress.NONE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ValidationProgressTest {
    private static final String LOSS = "loss";

    private static ValidationProgress progress(long step, double best, long bestStep, String checkpoint, double reference,
            int notBetter) {
        return new ValidationProgress(LOSS, step, best, bestStep, checkpoint, reference, notBetter);
    }

    @Test
    void shouldTakeTheFirstForTheBest() {
        assertFalse(NONE.lastIsBest());
        assertEquals(progress(7, 2.5, 7, "a", 2.5, 0), NONE.with(LOSS, 7, 2.5, false, 0.5, "a"));
        assertEquals(progress(7, 0, 7, "a", 0, 0), NONE.with(LOSS, 7, 0, true, 0.5, "a"));
    }

    @Test
    void shouldTakeALowerLossAndAHigherAccuracyForBetter() {
        ValidationProgress lower = NONE.with(LOSS, 1, 2, false, 0, "a").with(LOSS, 2, 1, false, 0, "b");
        assertEquals(progress(2, 1, 2, "b", 1, 0), lower);
        assertTrue(lower.lastIsBest());
        assertEquals(progress(3, 1, 2, "b", 1, 1), lower.with(LOSS, 3, 1, false, 0, "c"), "as good is not better");
        ValidationProgress higher = NONE.with(LOSS, 1, 0.5, true, 0, "a").with(LOSS, 2, 0.25, true, 0, "b");
        assertEquals(progress(2, 0.5, 1, "a", 0.5, 1), higher);
        assertFalse(higher.lastIsBest());
        assertEquals(progress(3, 0.75, 3, "c", 0.75, 0), higher.with(LOSS, 3, 0.75, true, 0, "c"));
    }

    /** A little better each time is the best each time, but early stopping compares with where it was more. */
    @Test
    void shouldCountThoseThatAreNotBetterByTheDelta() {
        ValidationProgress progress = NONE.with(LOSS, 1, 4, false, 1, "a").with(LOSS, 2, 3.5, false, 1, "b");
        assertEquals(progress(2, 3.5, 2, "b", 4, 1), progress);
        progress = progress.with(LOSS, 3, 3, false, 1, "c");
        assertEquals(progress(3, 3, 3, "c", 4, 2), progress, "by the delta is not by more");
        progress = progress.with(LOSS, 4, 2.75, false, 1, "d");
        assertEquals(progress(4, 2.75, 4, "d", 2.75, 0), progress);
        progress = progress.with(LOSS, 5, 2.875, false, 1, "e");
        assertEquals(progress(5, 2.75, 4, "d", 2.75, 1), progress);
    }

    /** An accuracy of 0.5 is no better and no worse than a loss of 0.1. */
    @Test
    void shouldBeginAnewWithAnotherMonitor() {
        ValidationProgress loss = NONE.with(LOSS, 1, 0.1, false, 0, "a").with(LOSS, 2, 0.2, false, 0, "b");
        assertEquals(1, loss.notBetter());
        assertEquals(new ValidationProgress("accuracy", 3, 0.05, 3, "c", 0.05, 0),
                loss.with("accuracy", 3, 0.05, true, 1, "c"));
    }
}

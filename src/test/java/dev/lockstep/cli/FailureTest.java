package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.CommunicationException;
import org.junit.jupiter.api.Test;

class FailureTest {
    private static final String AT_STEP_40 = "epoch 3, after step 40";
    private static final String HOST = " on host " + Machine.hostName();

    @Test
    void shouldNameNoRankForInputThatIsWrongOnAll() {
        assertEquals("lockstep: error: job.yaml: lr is missing",
                Failure.line(new InvalidInputException("job.yaml: lr is missing"), 4, 2, ""));
    }

    @Test
    void shouldNameRankAndHostOfAFailureWhileRunning() {
        assertEquals("lockstep: error: rank 3" + HOST + ": allReduce 7 failed", failed("allReduce 7 failed", 4, ""));
        assertEquals("lockstep: error: allReduce 7 failed", failed("allReduce 7 failed", 1, ""));
    }

    @Test
    void shouldSayHowFarTrainingWas() {
        assertEquals("lockstep: error: rank 3" + HOST + ", epoch 3, after step 40: allReduce 7 failed",
                failed("allReduce 7 failed", 4, AT_STEP_40));
        assertEquals("lockstep: error: rank 3 of 4" + HOST + ", epoch 3, after step 40: allReduce 7 failed",
                failed("rank 3 of 4: allReduce 7 failed", 4, AT_STEP_40));
        assertEquals("lockstep: error: epoch 3, after step 40: no space", failed("no space", 1, AT_STEP_40));
    }

    @Test
    void shouldNotNameARankOrAStepTwice() {
        assertEquals("lockstep: error: rank 3" + HOST + ", epoch 1, step 2: the loss is NaN",
                failed("rank 3, epoch 1, step 2: the loss is NaN", 4, AT_STEP_40));
        assertEquals("lockstep: error: rank 3" + HOST + ": epoch 1, step 2: diverged",
                failed("epoch 1, step 2: diverged", 4, AT_STEP_40));
        assertEquals("lockstep: error: rank 3 of 4" + HOST + ": allReduce 7 failed",
                failed("rank 3 of 4: allReduce 7 failed", 4, ""));
        assertEquals("lockstep: error: rank 3" + HOST + ": rank 31: lost", failed("rank 31: lost", 40, ""));
    }

    @Test
    void shouldFitInOneLineAndSayWhatKindOfErrorItIs() {
        assertEquals("lockstep: error: IllegalStateException: first; second",
                Failure.line(new IllegalStateException("first\n  second\n"), 1, 0, ""));
        assertTrue(Failure.line(new NullPointerException(), 1, 0, "").endsWith("NullPointerException"));
    }

    private static String failed(String message, int size, String progress) {
        return Failure.line(new CommunicationException(message), size, 3, progress);
    }
}

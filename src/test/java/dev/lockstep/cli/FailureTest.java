package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.CommunicationException;
import org.junit.jupiter.api.Test;

class FailureTest {
    @Test
    void shouldNameNoRankForInputThatIsWrongOnAll() {
        assertEquals("lockstep: error: job.yaml: lr is missing",
                Failure.line(new InvalidInputException("job.yaml: lr is missing"), 4, 2));
    }

    @Test
    void shouldNameRankAndHostOfAFailureWhileRunning() {
        assertEquals("lockstep: error: rank 3 on host " + Machine.hostName() + ": allReduce 7 failed",
                Failure.line(new CommunicationException("allReduce 7 failed"), 4, 3));
        assertEquals("lockstep: error: allReduce 7 failed",
                Failure.line(new CommunicationException("allReduce 7 failed"), 1, 0));
    }

    @Test
    void shouldNotNameARankTwice() {
        String host = Machine.hostName();
        assertEquals("lockstep: error: rank 3 on host " + host + ", epoch 1, step 2: the loss is NaN",
                Failure.line(new CommunicationException("rank 3, epoch 1, step 2: the loss is NaN"), 4, 3));
        assertEquals("lockstep: error: rank 3 of 4 on host " + host + ": allReduce 7 failed",
                Failure.line(new CommunicationException("rank 3 of 4: allReduce 7 failed"), 4, 3));
        assertEquals("lockstep: error: rank 3 on host " + host + ": rank 31: lost",
                Failure.line(new CommunicationException("rank 31: lost"), 40, 3));
    }

    @Test
    void shouldFitInOneLineAndSayWhatKindOfErrorItIs() {
        assertEquals("lockstep: error: IllegalStateException: first; second",
                Failure.line(new IllegalStateException("first\n  second\n"), 1, 0));
        assertTrue(Failure.line(new NullPointerException(), 1, 0).endsWith("NullPointerException"));
    }
}

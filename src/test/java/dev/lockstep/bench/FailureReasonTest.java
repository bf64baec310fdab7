package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class FailureReasonTest {
    @Test
    void shouldPreferTheProgramsOwnErrorWhereverItStands() {
        assertEquals("the last", FailureReason.of(
                List.of("lockstep: error: the first", "[1,0]<stderr>:lockstep: error: the last"),
                List.of("-----", "mpirun noticed that", "-----")));
    }

    @Test
    void shouldTakeTheFirstParagraphOfMpirunsLastNotice() {
        assertEquals("There are not enough slots available in the system to satisfy the 64 slots that were requested by the"
                + " application", FailureReason.of(List.of(), """
                --------------------------------------------------------------------------
                There are not enough slots available in the system to satisfy the 64
                slots that were requested by the application:

                  true

                Either request fewer slots for your application.
                --------------------------------------------------------------------------
                """.lines().toList()));
    }

    @Test
    void shouldPreferALineThatSpeaksOfAnErrorToAdvice() {
        assertEquals("mpirun: Error: unknown option \"--nix\"", FailureReason.of(List.of(), List.of("warning: old mirrors",
                "mpirun: Error: unknown option \"--nix\"", "Type 'mpirun --help' for usage.")));
        assertEquals("no terrors here", FailureReason.of(List.of(), List.of("errors=0", "no terrors here")));
    }

    @Test
    void shouldElseTakeTheLastLine() {
        assertEquals("srun: error: too many",
                FailureReason.of(List.of("on stdout"), List.of("a", "srun: error: too many", "")));
        assertEquals("on stdout", FailureReason.of(List.of("on stdout"), List.of("")));
        assertEquals("", FailureReason.of(List.of(), List.of()));
    }

    /** A run that has measured, and then does not end, has a line of it for its last. */
    @Test
    void shouldNotTakeAResultForAReason() {
        String result = "{\"kind\":\"step\",\"name\":\"error\",\"ranks\":2}";
        assertEquals("", FailureReason.of(List.of(result), List.of("")));
        assertEquals("on stdout", FailureReason.of(List.of("on stdout", result), List.of()));
        assertEquals("on stdout", FailureReason.of(List.of("on stdout"), List.of("", result)));
        assertEquals("{braces}", FailureReason.of(List.of("{braces}"), List.of()));
    }

    @Test
    void shouldCutWhatIsLong() {
        assertEquals(401, FailureReason.of(List.of("x".repeat(100_000)), List.of()).length());
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.bench.OverlapResult;
import org.junit.jupiter.api.Test;

class BenchOverlapCommandTest {
    @Test
    void shouldPrintNoMinusBeforeZero() {
        assertEquals("hidden                  0.000 of communication; the bound's 0.000", hidden(-0.0004, 0, null));
        assertEquals("hidden                  0.000 of communication; the bound's 0.500, of which 0.000 is reached",
                hidden(0.0002, 0.5, 0.0004));
        assertEquals("hidden                 -0.125 of communication; the bound's 0.500", hidden(-0.125, 0.5, null));
    }

    private static String hidden(double fraction, double bound, Double toBound) {
        return BenchOverlapCommand.hidden(new OverlapResult(OverlapResult.KIND, null, null, 1, fraction, 1.0, 1, 1.0, 1, 1,
                bound, toBound));
    }
}

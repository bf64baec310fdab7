package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.AllReduceResult;
import dev.lockstep.bench.StepResult;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BenchAllReduceCommandTest {
    private static final long MIB = 1L << 20;

    @Test
    void shouldLeaveRoomForMpisCopiesOfAllRanks() {
        assertDoesNotThrow(() -> BenchAllReduceCommand.requireMemory(256 * MIB, true, 4, 2048 * MIB));
        InvalidInputException refusal = assertThrows(InvalidInputException.class,
                () -> BenchAllReduceCommand.requireMemory(256 * MIB, true, 4, 2048 * MIB - 1));
        assertEquals("not enough memory for sums of 256MiB: with MPI's own copies it takes 2048 MiB on a machine with"
                + " 4 ranks, and 2047 MiB are free; give a smaller --max", refusal.getMessage());
        assertDoesNotThrow(() -> BenchAllReduceCommand.requireMemory(256 * MIB, false, 4, 1024 * MIB));
    }

    @Test
    void shouldSayHowManyElementsAreWrongAndFromWhereOn() {
        AllReduceReport report = new AllReduceReport(null, new Reduction(StepResult.MPI, ""), 1);
        List<AllReduceResult> right = List.of(result(4, 0, 0), result(8, 0, 0));
        assertEquals(Optional.empty(), report.wrong(right));
        assertEquals("5 elements are wrong over all ranks and sizes, the first in sums of 32 bytes",
                report.wrong(List.of(result(4, 0, 0), result(8, 0, 3), result(16, 2, 0))).orElseThrow().split(":")[0]);
        assertEquals("1 element is wrong over all ranks and sizes, the first in sums of 16 bytes",
                report.wrong(List.of(result(4, 1, 0))).orElseThrow().split(":")[0]);
    }

    private static AllReduceResult result(int elementCount, long wrongOnThread, long wrongOnCaller) {
        return new AllReduceResult(elementCount, 2, 1, new AllReduceResult.Timing(1, 1, 1, 1, wrongOnThread),
                new AllReduceResult.Timing(1, 1, 1, 1, wrongOnCaller));
    }
}

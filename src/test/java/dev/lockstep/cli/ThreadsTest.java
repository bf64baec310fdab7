package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ThreadsTest {
    private static final OptionalInt AUTO = OptionalInt.empty();

    @Test
    void shouldShareAMachineAmongItsUnboundRanks() {
        List<Placement> placements = List.of(on("a", 0, "0-7", false), on("a", 1, "0-7", false),
                on("a", 2, "0-7", false), on("b", 3, "0-7", false));

        assertEquals(new Threads(2, "8 cores shared by 3 ranks"), Threads.of(0, AUTO, placements));
        assertEquals(new Threads(8, "8 cores, used by no other rank"), Threads.of(3, AUTO, placements));
    }

    @Test
    void shouldLeaveToABoundRankTheCoresItIsBoundTo() {
        List<Placement> placements = List.of(on("a", 0, "0-3", true), on("a", 1, "4-7", true));

        assertEquals(new Threads(4, "4 cores, bound to no other rank"), Threads.of(1, AUTO, placements));
    }

    @Test
    void shouldDivideASocketAmongTheRanksBoundToIt() {
        List<Placement> placements = List.of(on("a", 0, "0-3", true), on("a", 1, "4-7", true),
                on("a", 2, "0-3", true), on("a", 3, "4-7", true));

        assertEquals(new Threads(2, "4 cores shared by 2 ranks"), Threads.of(2, AUTO, placements));
    }

    @Test
    void shouldNeverTakeFewerThanOneThread() {
        List<Placement> placements = IntStream.range(0, 8).mapToObj(rank -> on("a", rank, "0-1", false)).toList();

        assertEquals(1, Threads.of(5, AUTO, placements).count());
    }

    @Test
    void shouldTakeNoMoreThanTheControlGroupAllows() {
        Placement limited = new Placement(0, "h", "a", 1, 0, 1, CpuSet.parse("0-7"), CpuSet.parse("0-7"), false, 3,
                8, null);

        assertEquals(new Threads(3, "3 cores, used by no other rank"), Threads.of(0, AUTO, List.of(limited)));
    }

    @Test
    void shouldPutTheJobBeforeTheEnvironmentAndThatBeforeTheCores() {
        List<Placement> placements = List.of(withOmpNumThreads("3,1"));

        assertEquals(new Threads(5, "set by the job"), Threads.of(0, OptionalInt.of(5), placements));
        assertEquals(new Threads(3, "OMP_NUM_THREADS=3,1"), Threads.of(0, AUTO, placements));
        assertEquals(8, Threads.of(0, AUTO, List.of(withOmpNumThreads(" "))).count());
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "many", "4097", "99999999999"})
    void shouldRefuseAnOmpNumThreadsThatIsNoCount(String value) {
        assertThrows(InvalidInputException.class, () -> Threads.of(0, AUTO, List.of(withOmpNumThreads(value))));
    }

    private static Placement on(String bootId, int rank, String cores, boolean bound) {
        return new Placement(rank, "h", bootId, 1, 0, 1, CpuSet.parse(cores), CpuSet.parse(cores), bound,
                CpuSet.parse(cores).size(), 8, null);
    }

    private static Placement withOmpNumThreads(String value) {
        return new Placement(0, "h", "a", 1, 0, 1, CpuSet.parse("0-7"), CpuSet.parse("0-7"), false, 8, 8, value);
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class PlacementTest {
    @Test
    void shouldCountACoreOnceHoweverManyRanksMayUseIt() {
        assertEquals(2, Placement.usableCores(List.of(placement("a", 0, "0-1", 2), placement("a", 1, "0-1", 2))));
        assertEquals(3, Placement.usableCores(List.of(placement("a", 0, "0", 1), placement("a", 1, "2-3", 2))));
        assertEquals(4, Placement.usableCores(List.of(placement("a", 0, "0-1", 2), placement("b", 0, "0-1", 2))));
    }

    @Test
    void shouldCountAControlGroupsLimitOncePerMachine() {
        assertEquals(3, Placement.usableCores(List.of(placement("a", 0, "0-7", 3), placement("a", 1, "0-7", 3))));
        assertEquals(5, Placement.usableCores(List.of(placement("a", 0, "0-7", 3), placement("b", 0, "0-1", 2))));
    }

    @Test
    void shouldCountTheCoresOfEachMachineThatRanksAreBoundOn() {
        assertEquals(8, Placement.machineCores(List.of(placement("a", 0, "0", 1), placement("a", 1, "1", 1))));
        assertEquals(16, Placement.machineCores(List.of(placement("a", 0, "0", 1), placement("b", 0, "0", 1))));
    }

    /** Two network namespaces of one machine are two hosts to MPI and share its cores. */
    @Test
    void shouldCountHostsByTheirFirstRanks() {
        List<Placement> all = List.of(placement("a", 0, "0-1", 2), placement("a", 1, "0-1", 2), placement("a", 0, "0-1", 2));
        assertEquals(2, Placement.hosts(all));
        assertEquals(2, Placement.usableCores(all));
    }

    private static Placement placement(String bootId, int localRank, String cores, int usableCores) {
        return new Placement(0, "h", bootId, 1, localRank, 2, CpuSet.parse(cores), CpuSet.parse(cores), false, usableCores,
                8, null);
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class CpuSetTest {
    @Test
    void shouldParseRangesAndSingles() {
        assertEquals(new TreeSet<>(List.of(0, 1, 2, 8)), CpuSet.parse("0-2,8\n"));
        assertEquals(Set.of(), CpuSet.parse(""));
    }

    @Test
    void shouldRefuseOtherText() {
        assertThrows(IllegalArgumentException.class, () -> CpuSet.parse("all"));
    }

    @Property(seed = "14")
    void shouldParseWhatItFormats(@ForAll Set<@IntRange(min = 0, max = 300) Integer> cpus) {
        assertEquals(cpus, CpuSet.parse(CpuSet.format(cpus)));
    }
}

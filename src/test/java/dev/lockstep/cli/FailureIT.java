package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FailureIT {
    @Test
    void shouldEndWell() throws Exception {
        ProcessRun run = Mpirun.of(2, List.of(), failingRank("none"));

        assertEquals(0, run.status(), run::toString);
        assertEquals(List.of(), run.errors());
    }

    /** Repeated, since which rank prints, and whether it gets to, is a race. */
    @RepeatedTest(3)
    void shouldPrintOneLineWhereAllRanksFailAlike() throws Exception {
        ProcessRun run = Mpirun.of(4, List.of(), failingRank("all"));

        assertEquals(List.of("lockstep: error: the same on all ranks"), run.errors(), run::toString);
        assertEquals(2, run.status(), run::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"last", "thread"})
    void shouldEndAllRanksWhereOneFails(String way) throws Exception {
        ProcessRun run = Mpirun.of(3, List.of(), failingRank(way));

        assertEquals(List.of("lockstep: error: rank 2 on host " + Machine.hostName() + ": IllegalStateException: "
                + (way.equals("last") ? "only here" : "in a thread")), run.errors(), run::toString);
        assertEquals(1, run.status(), run::toString);
        assertTrue(run.seconds() < 15, run::toString);
    }

    @Test
    void shouldLeaveNothingInTheLaunchersFolder(@TempDir Path folder) throws Exception {
        Mpirun.of(2, List.of("--mca", "orte_tmpdir_base", folder.toString()), failingRank("all"));

        try (var left = Files.walk(folder)) {
            assertEquals(List.of(), left.filter(Files::isRegularFile).toList());
        }
    }

    private static List<String> failingRank(String way) {
        return List.of("java", "-XX:+UseSerialGC", "-Djava.library.path=" + System.getProperty("lockstep.native"),
                FailingRank.class.getName(), way);
    }
}

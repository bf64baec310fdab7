package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FailureIT {
    @Test
    void shouldEndWell() throws Exception {
        ProcessRun.Result run = failingRank(2, "none").run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(List.of(), errors(run));
    }

    /** Repeated, since which rank prints, and whether it gets to, is a race. */
    @RepeatedTest(3)
    void shouldPrintOneLineWhereAllRanksFailAlike() throws Exception {
        ProcessRun.Result run = failingRank(4, "all").run();

        assertEquals(List.of("lockstep: error: the same on all ranks"), errors(run), run::toString);
        assertEquals(2, run.exitStatus(), run::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"last", "thread"})
    void shouldEndAllRanksWhereOneFails(String way) throws Exception {
        ProcessRun.Result run = failingRank(3, way).run();

        assertEquals(List.of("lockstep: error: rank 2 on host " + Machine.hostName() + ": IllegalStateException: "
                + (way.equals("last") ? "only here" : "in a thread")), errors(run), run::toString);
        assertEquals(1, run.exitStatus(), run::toString);
        assertTrue(run.elapsed().compareTo(Duration.ofSeconds(15)) < 0, run::toString);
    }

    @Test
    void shouldLeaveNothingInTheLaunchersFolder(@TempDir Path folder) throws Exception {
        failingRank(2, "all").environment("OMPI_MCA_orte_tmpdir_base", folder.toString()).run();

        try (var left = Files.walk(folder)) {
            assertEquals(List.of(), left.filter(Files::isRegularFile).toList());
        }
    }

    private static ProcessRun failingRank(int ranks, String way) throws IOException {
        String libraries = Files.readString(Path.of("target/mpi/libdir")).strip();
        return Mpirun.ranks(ranks, FailingRank.class, List.of("-Djava.library.path=" + libraries), way);
    }

    /** Wherever they were written. */
    private static List<String> errors(ProcessRun.Result run) {
        return (run.stdout() + "\n" + run.stderr()).lines().filter(line -> line.startsWith("lockstep: error: ")).toList();
    }
}

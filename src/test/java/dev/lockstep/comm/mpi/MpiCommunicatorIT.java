package dev.lockstep.comm.mpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.CommunicatorContract;
import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MpiCommunicatorIT {
    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final Duration ABORT_LIMIT = Duration.ofSeconds(5);

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void shouldHoldToTheContract(int ranks) {
        ProcessRun.Result result = ranks(ranks, "contract").run();
        assertEquals(0, result.exitStatus(), result::toString);
        for (CommunicatorContract.Check check : CommunicatorContract.checks()) {
            assertTrue(result.stdout().lines().anyMatch(("passed " + check.name())::equals), check + "\n" + result);
        }
        assertTrue(result.stdout().contains("over Open MPI "), result::toString);
        assertEquals("", result.stderr());
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void shouldSumInMemoryThatRanksShare(int ranks) {
        ProcessRun.Result result = ranks(ranks, "shared").run();
        assertEquals(0, result.exitStatus(), result::toString);
        assertEquals("", result.stderr());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldAllocateNothingInSteadyState(int ranks) {
        ProcessRun.Result result = ranks(ranks, "allocation").run();
        assertEquals(0, result.exitStatus(), result::toString);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void shouldEndAllRanksWithTheStatusOfAnAbort(int ranks) {
        try (RunningProcess process = ranks(ranks, "abort", "75").start()) {
            process.awaitStderr("lockstep: error: ");
            long startNanos = System.nanoTime();
            ProcessRun.Result result = process.awaitExit();
            Duration elapsed = Duration.ofNanos(System.nanoTime() - startNanos);
            assertEquals(75, result.exitStatus(), result::toString);
            assertTrue(elapsed.compareTo(ABORT_LIMIT) < 0, () -> elapsed + "\n" + result);
            List<String> errors = result.errorLines().stream()
                    .filter(line -> line.startsWith("lockstep: "))
                    .toList();
            assertEquals(List.of("lockstep: error: rank " + (ranks - 1) + " gives up"), errors);
        }
    }

    @Test
    void shouldReportWhatMpiFinds() {
        ProcessRun.Result result = ranks(2, "unequal").run();
        assertEquals(4, result.exitStatus(), result::toString);
        assertTrue(
                result.errorLines().contains(
                        "rank 1 of 2: allReduce 0 of 8 floats failed: MPI_ERR_TRUNCATE: message truncated"),
                result::toString);
    }

    @Test
    void shouldSayWhenTheBindingsDoNotLoad(@TempDir Path empty) {
        ProcessRun.Result result = Mpirun.ranks(
                        1, MpiRankMain.class, List.of("-Djava.library.path=" + empty), "contract")
                .limit(LIMIT)
                .run();
        assertEquals(1, result.exitStatus(), result::toString);
        assertTrue(result.stderr().contains("Open MPI's Java bindings did not load (no mpi_java "), result::toString);
    }

    private static ProcessRun ranks(int count, String... arguments) {
        // Before where Java looks by itself, MPI's bindings among it.
        String libraries = Path.of("target/native").toAbsolutePath().toString();
        return Mpirun.ranks(count, MpiRankMain.class, List.of(), arguments).environment("LD_LIBRARY_PATH", libraries)
                .limit(LIMIT);
    }
}

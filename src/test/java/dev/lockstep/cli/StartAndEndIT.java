package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A rank that is stopped or killed inside MPI_Init or MPI_Finalize ends the run, too, and is named. */
class StartAndEndIT {
    private static final int KILL = 9;
    private static final int STOP = 19;
    private static final String ON_HOST = " on host " + Machine.hostName();

    @TempDir
    private static Path libraryFolder;
    private static String library;

    @TempDir
    private Path folder;

    @BeforeAll
    static void compile() {
        library = libraryFolder.resolve("libsignal_in.so").toString();
        ProcessRun.Result compiled = ProcessRun.command("mpicc", "-shared", "-fPIC", "-o", library,
                "src/test/native/mpi/signal_in.c").run();
        assertEquals(0, compiled.exitStatus(), compiled::toString);
    }

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void shouldNameTheRankThatIsStoppedInMpiInit(int rank) {
        ProcessRun.Result run = train("MPI_Init", rank, STOP);

        assertEquals(1, run.exitStatus(), run::toString);
        assertOneLine(run, "rank " + (1 - rank) + ON_HOST + ": after [0-9.]+ s not all ranks have started: rank " + rank
                + " \\(process [0-9]+\\) on this host is stopped");
    }

    /** mpirun notices, ends the others and says so; in the end another rank may be quick enough to say so as well. */
    @ParameterizedTest
    @CsvSource({"MPI_Init, 1", "MPI_Finalize, 0", "MPI_Finalize, 1"})
    void shouldEndWhereARankIsKilled(String where, int rank) {
        ProcessRun.Result run = train(where, rank, KILL);

        assertEquals(137, run.exitStatus(), run::toString);
        assertTrue(run.stderr().contains("process rank " + rank + " with PID"), run::toString);
        if (!Lockstep.errors(run).isEmpty()) {
            assertOneLine(run, "rank " + rank + ON_HOST + "(, epoch [0-9]+, after step [0-9]+)?: its connection has closed, .+");
        }
    }

    /** So short a training may be over before its first heartbeat tells of an epoch. */
    @ParameterizedTest
    @CsvSource({"MPI_Finalize, 0", "MPI_Finalize, 1", "after MPI_Finalize, 0", "after MPI_Finalize, 1"})
    void shouldNameTheRankThatIsStoppedInTheEnd(String where, int rank) {
        ProcessRun.Result run = train(where, rank, STOP);

        assertEquals(1, run.exitStatus(), run::toString);
        assertOneLine(run, "rank " + rank + ON_HOST + "(, epoch [12], after step [0-9]+)?: silent for [0-9.]+ s, so it was stopped, .+");
    }

    private ProcessRun.Result train(String where, int rank, int signal) {
        ProcessRun.Result run = Lockstep.ranks(2, "train", "small.yaml", "--set", "timeout=3s").environment("LD_PRELOAD", library)
                .environment("SIGNAL_IN", where).environment("SIGNAL_RANK", "" + rank).environment("SIGNAL", "" + signal)
                .directory(folder).run();
        Lockstep.awaitExits(Lockstep.processesOf(folder), 5);
        return run;
    }

    private static void assertOneLine(ProcessRun.Result run, String pattern) {
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).matches("lockstep: error: " + pattern), run::toString);
    }
}

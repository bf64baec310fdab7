package dev.lockstep.comm.mpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.ProcessRun;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SharedCoreIT {
    private static final Path NATIVE = Path.of("target/native").toAbsolutePath();

    /** A sleep is never shorter than asked for; of many yields without one, the fastest is. */
    @Test
    void shouldSleepInTheCommunicationThreadAloneAndOnlyWhileTheOtherComputes() {
        ProcessRun.Result run = ProcessRun.command(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), "-Djava.library.path=" + NATIVE, YieldMain.class.getName())
                .environment("LD_PRELOAD", NATIVE.resolve("liblockstep_threads.so").toString()).run();

        assertEquals(0, run.exitStatus(), run::toString);
        List<String> lines = run.stdout().lines().toList();
        assertEquals("true", lines.get(0), run::toString);
        List<Boolean> slept = IntStream.range(1, 6).mapToObj(i -> Long.parseLong(lines.get(i)) >= 200).toList();
        assertEquals(List.of(true, false, true, false, false), slept, run::toString);
    }

    @Test
    void shouldLeaveMpisOwnWaitingWhereTheLibraryIsNotPreloaded() {
        assertTrue(System.getenv("LD_PRELOAD") == null || !System.getenv("LD_PRELOAD").contains("lockstep_threads"));
        assertEquals(false, SharedCore.isPreloaded());
    }
}

package dev.lockstep.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessRunTest {
    @Test
    void shouldCaptureOutputAndExitStatus(@TempDir Path directory) throws Exception {
        ProcessRun.Result result = ProcessRun.command("sh", "-c", "pwd; echo $GREETING >&2; exit 3")
                .directory(directory)
                .environment("GREETING", "größe")
                .run();
        assertEquals(3, result.exitStatus());
        assertEquals(directory.toRealPath() + "\n", result.stdout());
        assertEquals(List.of("größe"), result.errorLines());
    }

    @Test
    void shouldKillTheWholeTreeWhenTheTimeIsOver() {
        ProcessRun run = ProcessRun.command("sh", "-c", "sh -c 'sleep 60 & echo $!; wait' & wait")
                .limit(Duration.ofSeconds(2));
        AssertionError error = assertThrows(AssertionError.class, run::run);
        assertTrue(error.getMessage().contains("not within 2000 ms: the end of stdout: sh -c"), error.getMessage());
        long sleeper = Long.parseLong(error.getMessage().lines().skip(2).findFirst().orElseThrow());
        assertFalse(ProcessHandle.of(sleeper).map(ProcessHandle::isAlive).orElse(false));
    }

    @Test
    void shouldWaitForTextAndLetTheTestAct() {
        try (RunningProcess process = ProcessRun.command(
                        "sh", "-c", "trap 'echo stopped; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
                .limit(Duration.ofSeconds(20))
                .start()) {
            process.awaitStdout("ready");
            process.handle().destroy();
            ProcessRun.Result result = process.awaitExit();
            assertEquals(5, result.exitStatus(), result::toString);
            assertEquals("ready\nstopped\n", result.stdout());
        }
    }

    @Test
    void shouldSayWhenTheProcessEndsWithoutTheText() {
        try (RunningProcess process = ProcessRun.command("sh", "-c", "echo other").start()) {
            AssertionError error = assertThrows(AssertionError.class, () -> process.awaitStdout("ready"));
            assertTrue(
                    error.getMessage().startsWith("it ended without \"ready\" on stdout: sh -c"), error.getMessage());
        }
    }
}

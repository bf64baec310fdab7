package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the comparisons in bench do where a command of theirs fails, or somebody ends them. */
class BenchScriptsTest {
    private static final String COMPARE = Path.of("bench/peer").toAbsolutePath().toString();

    @TempDir
    private Path folder;

    @BeforeAll
    static void needsPython() {
        assumeTrue(ProcessRun.command("sh", "-c", "command -v python3").run().exitStatus() == 0, "needs python3");
    }

    @Test
    void shouldTellOfAFailedCommandWhatLockstepSaid() {
        String failure = failureOf("echo '[1,0]lockstep: error: no data' >&2; echo 'mpirun: 2' >&2; exit 2", "30");

        assertTrue(failure.endsWith(": exit status 2: no data\n"), failure);
    }

    @Test
    void shouldTellOfAnyOtherFailedCommandItsLastLines() {
        String failure = failureOf("echo first >&2; echo last >&2; exit 1", "30");

        assertTrue(failure.endsWith(": exit status 1: first | last\n"), failure);
    }

    @Test
    void shouldEndACommandThatTakesTooLong() {
        String failure = failureOf("exec sleep 100", "0.2");

        assertTrue(failure.contains(": ended after 0.2 s"), failure);
    }

    /** Of a shell's command. */
    private static String failureOf(String command, String limitSeconds) {
        return python("""
                try:
                    compare.run(["sh", "-c", \"""%s\"""], %s)
                except compare.Failed as failure:
                    print(failure)
                """.formatted(command, limitSeconds)).run().stdout();
    }

    @Test
    void shouldEndWithItsCommandOnCtrlC() throws Exception {
        Path started = folder.resolve("started");
        try (RunningProcess running = python("""
                compare.end_on_signals()
                compare.run(["sh", "-c", "echo $$ > '%s.new' && mv '%s.new' '%s' && exec sleep 100"], 90)
                """.formatted(started, started, started)).start()) {
            String wait = "until [ -e '" + started + "' ]; do sleep 0.02; done";
            assertEquals(0, ProcessRun.command("sh", "-c", wait).run().exitStatus());
            long command = Long.parseLong(Files.readString(started).strip());

            ProcessRun.command("kill", "-INT", Long.toString(running.handle().pid())).run();

            assertEquals(128 + 2, running.awaitExit().exitStatus());
            assertEquals(List.of(), ProcessHandle.of(command).filter(ProcessHandle::isAlive).stream().toList());
        }
    }

    @Test
    void shouldSayInOneLineThatAPythonHasNoPyTorch() {
        ProcessRun.Result run = ProcessRun.command("bench/peer/run.sh", "--python", "/bin/false")
                .environment("PYTHON", "python3").run();

        assertEquals(1, run.exitStatus(), run::toString);
        assertEquals(1, run.errorLines().size(), run::toString);
        assertTrue(run.stderr().startsWith("bench-peer: error: /bin/false cannot run PyTorch: "), run::toString);
    }

    private static ProcessRun python(String script) {
        // Whatever started these tests may ignore Ctrl-C, which the processes that they start would inherit.
        return ProcessRun.command("env", "--default-signal=INT", "python3", "-c", "import compare\n" + script)
                .environment("PYTHONPATH", COMPARE).environment("PYTHONDONTWRITEBYTECODE", "1").limit(Duration.ofSeconds(60));
    }
}

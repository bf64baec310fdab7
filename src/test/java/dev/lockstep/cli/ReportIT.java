package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code report} of runs that {@code train} has written. */
class ReportIT {
    @TempDir
    private static Path trained;

    @TempDir
    private Path folder;

    @BeforeAll
    static void train() throws IOException {
        SmallJob.write(trained);
        for (String rate : List.of("0.05", "0.2")) {
            ProcessRun.Result run = Lockstep.ranks(2, "train", "small.yaml", "--set", "optimizer.sgd.lr=" + rate, "--output",
                    "runs/lr-" + rate).directory(trained).run();
            assertEquals(0, run.exitStatus(), run::toString);
        }
    }

    @BeforeEach
    void copyRuns() {
        SmallJob.copy(trained, folder);
    }

    @Test
    void shouldShowRunsSideBySide() throws IOException {
        assertEquals("report: report.html\n", report("runs/lr-0.05", "runs/lr-0.2").stdout());

        String html = Files.readString(folder.resolve("report.html"));
        assertTrue(html.contains("<title>Training: lr-0.05, lr-0.2</title>"), html);
        for (String chart : List.of("Loss", "Accuracy", "Loss of single steps", "Throughput", "What a step consists of")) {
            assertTrue(html.contains("<title>" + chart + "</title>"), chart);
        }
        assertTrue(html.contains(">optimizer.sgd.lr</th><td class=\"text\">0.05</td><td class=\"text\">0.2</td>"), html);
    }

    @Test
    void shouldTakeARunThatWasResumed() throws IOException {
        ProcessRun.Result resumed = Lockstep.ranks(2, "train", "small.yaml", "--set", "optimizer.sgd.lr=0.05", "--set",
                "train.epochs=3", "--resume", "--output", "runs/lr-0.05").directory(folder).run();
        assertEquals(0, resumed.exitStatus(), resumed::toString);

        report("runs/lr-0.05", "-o", "one.html");

        assertTrue(Files.readString(folder.resolve("one.html")).contains("<td>3 of 3</td>"));
    }

    @Test
    void shouldReplaceAReport() throws IOException {
        Files.writeString(folder.resolve("report.html"), "old");

        report("runs/lr-0.2");

        assertTrue(Files.readString(folder.resolve("report.html")).startsWith("<!DOCTYPE html>"));
    }

    @Test
    void shouldRefuseWhatIsNoRunAndWhatCannotBeWritten() {
        refused("runs holds no run: neither metrics.jsonl nor config.yaml; name a run's folder, such as runs/NAME", "runs");
        refused("nowhere does not exist; name a run's folder, such as runs/NAME", "runs/lr-0.2", "nowhere");
        refused("runs cannot be written (Is a directory); name another file with --output", "runs/lr-0.2", "-o", "runs");
        refused("no/a.html cannot be written (no such file or folder: no/a.html); name another file with --output",
                "runs/lr-0.2", "-o", "no/a.html");
    }

    private ProcessRun.Result report(String... arguments) {
        ProcessRun.Result run = run(arguments);
        assertEquals(0, run.exitStatus(), run::toString);
        return run;
    }

    private void refused(String message, String... arguments) {
        ProcessRun.Result run = run(arguments);
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: " + message), Lockstep.errors(run));
    }

    private ProcessRun.Result run(String... arguments) {
        List<String> command = new ArrayList<>(List.of("report"));
        command.addAll(List.of(arguments));
        return Lockstep.alone(command.toArray(String[]::new)).directory(folder).run();
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code bench scaling} as a user starts it. */
class ScalingIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void writeBenchmark() throws IOException {
        SmallJob.write(folder);
        Files.writeString(folder.resolve("tiny.yaml"), """
                kind: weak
                job: small.yaml
                batch-size: 8
                ranks: [1, 2]
                steps: 6
                warmup: 1
                repeats: 2
                """);
    }

    @Test
    void shouldMeasureOneAndTwoRanksWithMpirun() throws Exception {
        ProcessRun.Result run = scaling("tiny.yaml", "--output", "out").limit(Duration.ofSeconds(120)).run();

        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode json = results("out");
        assertEquals("complete", json.get("state").asText());
        assertEquals(4, json.get("runs").size());
        for (JsonNode row : json.get("rows")) {
            assertEquals("ok", row.get("status").asText(), run::toString);
            assertTrue(row.get("forward_seconds").asDouble() > 0, row::toString);
        }
        assertEquals(16, json.at("/rows/1/global_batch").asInt());
        assertEquals(1.0, json.at("/rows/0/efficiency").asDouble());
        assertTrue(json.at("/rows/1/efficiency").asDouble() > 0);
        assertTrue(run.stdout().contains("\nreport: out/report.html\n"), run::toString);
        String report = Files.readString(folder.resolve("out/report.html"));
        assertTrue(report.contains("<svg"), report);
        assertTrue(report.contains(">fitted on it<") && report.contains(">predicted, not measured<"), report);
        assertEquals(3, Files.readAllLines(folder.resolve("out/scaling.csv")).size());

        ProcessRun.Result anew = lockstep("report", "out").run();

        assertEquals(0, anew.exitStatus(), anew::toString);
        assertTrue(anew.stdout().contains("\nreport: out/report.html, of what was measured until 20"), anew::toString);
    }

    @Test
    void shouldGoOnAfterRanksThatCannotBeHadAndEndWithOne() throws Exception {
        fakeMpirun("""
                if [ "$2" = 1 ]; then
                    while [ "$1" != bench ]; do shift; done
                    exec %s "$@"
                fi
                echo "There are not enough slots available in the system" >&2
                exit 1
                """.formatted(Lockstep.LAUNCHER));

        ProcessRun.Result run = withFakeMpirun(scaling("tiny.yaml", "--output", "out", "--set", "ranks=[1,4]")).run();

        assertEquals(1, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: not all runs were measured; the table says which and why, and out holds what"
                + " each printed"), Lockstep.errors(run));
        assertEquals(List.of("ok", "failed"), Stream.of(0, 1)
                .map(row -> results("out").at("/rows/" + row + "/status").asText()).toList());
        assertTrue(run.stdout().contains("failed: exit status 1: There are not enough slots"), run::toString);
        assertTrue(Files.readString(folder.resolve("out/report.html")).contains("class=\"warning\""));
    }

    @Test
    void shouldWriteWhatItHasAndLeaveNoProcessBehindWhenItIsStopped() throws Exception {
        fakeMpirun("""
                if [ "$2" = 2 ]; then
                    echo begun >"$0.pipe"
                    exec sleep 300
                fi
                while [ "$1" != bench ]; do shift; done
                exec %s "$@"
                """.formatted(Lockstep.LAUNCHER));
        ProcessRun.command("mkfifo", folder.resolve("bin/mpirun.pipe").toString()).run();

        ProcessRun scaling = withFakeMpirun(scaling("tiny.yaml", "--output", "out", "--set", "repeats=1"));
        try (RunningProcess process = scaling.start()) {
            ProcessRun.Result begun = ProcessRun.command("cat", folder.resolve("bin/mpirun.pipe").toString()).run();
            assertEquals("begun\n", begun.stdout());
            process.handle().destroy();
            ProcessRun.Result run = process.awaitExit();

            assertEquals(143, run.exitStatus(), run::toString);
            assertTrue(run.stdout().contains("note: Partial results: the benchmark was interrupted after 1 of 2 runs."),
                    run::toString);
        }
        ProcessRun.Result anew = lockstep("report", "out").run();
        assertTrue(anew.stdout().contains("note: Partial results: the benchmark was interrupted after 1 of 2 runs."),
                anew::toString);
        JsonNode json = results("out");
        assertEquals("interrupted", json.get("state").asText());
        assertEquals("not run", json.at("/rows/1/status").asText());
        assertEquals("interrupted during repeat 1", json.at("/rows/1/reason").asText());
        assertTrue(Files.readString(folder.resolve("out/report.html")).contains("Partial results: "));
        assertEquals(List.of(), Lockstep.processesOf(folder));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "tiny.yaml --set rank=3           | --set rank=3: key 'rank' is unknown; did you mean 'ranks'?",
        "tiny.yaml --set train.epoch=3    | --set train.epoch=3: key 'train.epoch' is unknown; did you mean 'train.epochs'?",
        "tiny.yaml --set job=no.yaml      | no.yaml: no such job file",
        "small.yaml                       | small.yaml:1: key 'name' is one of the job's; give it in the list 'set'",
        "no.yaml                          | no.yaml: no such benchmark file",
        "tiny.yaml --output .             | --output .: the folder is not empty",
    })
    void shouldRefuseBadInputInOneLineAndMeasureNothing(String arguments, String message) {
        ProcessRun.Result run = scaling(arguments.strip().split(" +")).run();

        refused(run, message);
        assertFalse(Files.exists(folder.resolve("bench")));
    }

    @Test
    void shouldRefuseToBeStartedByMpirun() {
        refused(Mpirun.ranks(2).arguments(Lockstep.LAUNCHER, "bench", "scaling", "tiny.yaml").directory(folder).run(),
                "bench scaling starts the ranks itself; run it without mpirun");
    }

    @Test
    void shouldSayThatThereIsNoMpirun() {
        refused(scaling("tiny.yaml", "--set", "launcher=mpirun").environment("PATH", folder.toString()).run(),
                "there is no mpirun in PATH");
    }

    @Test
    void shouldRefuseToMakeAReportOfNothing() {
        refused(lockstep("report", ".").run(), "scaling.json cannot be read (no such file or folder");
    }

    private static void refused(ProcessRun.Result run, String message) {
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).contains(message), run::toString);
        assertFalse(run.stderr().contains("Exception"), run::toString);
    }

    /** With the communication that other tests use, too. */
    private ProcessRun lockstep(String... arguments) {
        return Lockstep.alone(Stream.concat(Stream.of("bench"), Stream.of(arguments)).toArray(String[]::new))
                .environment("OMPI_MCA_pml", "ob1").environment("OMPI_MCA_btl", "self,vader,tcp").directory(folder);
    }

    private ProcessRun scaling(String... arguments) {
        return lockstep(Stream.concat(Stream.of("scaling"), Stream.of(arguments)).toArray(String[]::new));
    }

    private void fakeMpirun(String script) throws IOException {
        Path mpirun = Files.writeString(Files.createDirectory(folder.resolve("bin")).resolve("mpirun"),
                "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(mpirun, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private ProcessRun withFakeMpirun(ProcessRun run) {
        return run.environment("PATH", folder.resolve("bin") + ":" + System.getenv("PATH"));
    }

    private JsonNode results(String output) {
        try {
            return JsonMapper.builder().build().readTree(folder.resolve(output).resolve("scaling.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

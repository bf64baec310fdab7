package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.ScalingConfig;
import dev.lockstep.job.ScalingConfig.Kind;
import dev.lockstep.job.ScalingFile;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The runs of a benchmark, with a script in the place of mpirun. */
@Timeout(60)
class ScalingBenchmarkTest {
    private static final ScalingResults LINES = new ScalingResults(Kind.WEAK, 8, 1, 2, 4);

    @TempDir
    private Path folder;

    @Test
    void shouldMeasureEveryNumberOfRanksAndKeepWhatEachPrinted() throws Exception {
        List<ScalingRun> told = new ArrayList<>();
        ScalingResult result = benchmark("cat \"$lines/$2.json\"; echo \"warning on $2\" >&2", "repeats: 2").run(told::add);

        assertEquals(ScalingResult.State.COMPLETE, result.state());
        assertEquals(List.of(1, 2, 4, 4, 2, 1), result.runs().stream().map(ScalingRun::ranks).toList());
        assertEquals(result.runs(), told);
        assertTrue(ScalingTable.of(result).isWhole());
        assertEquals("warning on 4\n", Files.readString(folder.resolve("out/ranks-4-repeat-2.err")));
        assertEquals(List.of("mpirun", "-np", "2", "--map-by", "slot:PE=2", "./lockstep", "bench", "step"),
                result.runs().get(1).command().subList(0, 8));
    }

    @Test
    void shouldGoOnWhereANumberOfRanksFailsAndNotTryItAgain() throws Exception {
        ScalingResult result = benchmark("""
                if [ "$2" = 2 ]; then
                    echo 'lockstep: error: rank 1 on host x: gone' >&2
                    exit 137
                fi
                cat "$lines/$2.json"
                """, "repeats: 3").run(run -> { });

        assertEquals(List.of(1, 2, 4, 4, 1, 1, 4), result.runs().stream().map(ScalingRun::ranks).toList());
        assertEquals("exit status 137: rank 1 on host x: gone", result.failure(2).orElseThrow());
        assertEquals(List.of(ScalingRow.Status.OK, ScalingRow.Status.FAILED, ScalingRow.Status.OK),
                ScalingTable.of(result).rows().stream().map(ScalingRow::status).toList());
    }

    @Test
    void shouldKeepWhatARunMeasuredBeforeAnotherOfAsManyRanksFailed() throws Exception {
        ScalingResult result = benchmark("""
                if [ "$2" = 2 ] && [ -e "$lines/second" ]; then exit 1; fi
                [ "$2" != 2 ] || touch "$lines/second"
                cat "$lines/$2.json"
                """, "repeats: 2").run(run -> { });

        ScalingRow row = ScalingTable.of(result).rows().get(1);
        assertEquals(ScalingRow.Status.FAILED, row.status());
        assertEquals("exit status 1", row.reason());
        assertEquals(1, row.repeats());
        assertTrue(row.efficiency().isPresent());
    }

    @Test
    void shouldSayWhatIsWrongWithWhatARunPrinted() throws Exception {
        Files.writeString(Files.createDirectories(folder.resolve("lines")).resolve("wrong.json"),
                LINES.line(1, 0.1) + "\n" + LINES.line(1, 0.1));
        ScalingResult result = benchmark("""
                case $2 in
                    1) echo '{"kind":"step", cut short'; head -c 3000 /dev/urandom ;;
                    2) cat "$lines/wrong.json" ;;
                    4) cat "$lines/1.json" ;;
                esac
                """, "repeats: 1").run(run -> { });

        assertEquals("it ended well, but printed no line of kind step", result.failure(1).orElseThrow());
        assertEquals("it ended well, but printed 2 lines of kind step", result.failure(2).orElseThrow());
        assertEquals("in its line of kind step ranks should be 4, and is 1", result.failure(4).orElseThrow());
    }

    @Test
    void shouldSayThatTheDataIsTooSmallForTheBatch() throws Exception {
        String line = LINES.line(1, 0.1).put("samples", 5).put("global_batch", 5).toString();
        ScalingResult result = benchmark("cat <<'LINE'\n" + line + "\nLINE", "repeats: 1").run(run -> { });

        assertEquals("the training data has 5 samples, fewer than the 8 that a step of 1 rank was to take; choose a smaller"
                + " batch or more data", result.failure(1).orElseThrow());
    }

    @Test
    void shouldEndARunThatTakesTooLongAndAllBelowIt() throws Exception {
        ScalingResult result = benchmark("""
                if [ "$2" = 2 ]; then
                    echo "waiting for a peer" >&2
                    sleep 300 & echo $! >"$lines/pid"
                    wait
                fi
                cat "$lines/$2.json"
                """, "repeats: 1", "time-limit: 3s").run(run -> { });

        assertEquals("ended after 3 s, the time-limit: waiting for a peer", result.failure(2).orElseThrow());
        assertEquals(ScalingRow.Status.OK, ScalingTable.of(result).rows().get(2).status());
        assertIsGone(Files.readString(folder.resolve("lines/pid")));
    }

    @Test
    void shouldEndWhatALauncherLeavesBehind() throws Exception {
        ScalingResult result = benchmark("""
                setsid sleep 300 &
                echo $! >"$lines/pid"
                cat "$lines/$2.json"
                """, "repeats: 1").run(run -> { });

        assertEquals(ScalingRow.Status.OK, ScalingTable.of(result).rows().get(0).status());
        assertIsGone(Files.readString(folder.resolve("lines/pid")));
    }

    @Test
    void shouldWriteWhatItHasWhenItIsStopped() throws Exception {
        // Stubborn: neither it nor what it has started ends on TERM.
        ScalingBenchmark benchmark = benchmark("""
                if [ "$2" = 2 ]; then
                    sh -c 'trap "" TERM; echo $$ >"$1"; while :; do sleep 0.05; done' sh "$lines/pid" &
                    wait
                fi
                cat "$lines/$2.json"
                """, "repeats: 1");
        Path pipe = folder.resolve("lines/pid");
        ProcessRun.command("mkfifo", pipe.toString()).run();
        CompletableFuture<String> pid = CompletableFuture.supplyAsync(() -> read(pipe));
        CompletableFuture<ScalingResult> running = CompletableFuture.supplyAsync(() -> benchmark.run(run -> { }));
        Path written = folder.resolve("out/scaling.json");
        String stubborn = pid.orTimeout(30, TimeUnit.SECONDS).join();
        assertTrue(Files.readString(written).contains("\"state\" : \"running\""));

        benchmark.stop();
        ScalingResult result = running.orTimeout(40, TimeUnit.SECONDS).join();

        assertEquals(ScalingResult.State.INTERRUPTED, result.state());
        assertEquals(List.of(ScalingRow.Status.OK, ScalingRow.Status.NOT_RUN, ScalingRow.Status.NOT_RUN),
                ScalingTable.of(result).rows().stream().map(ScalingRow::status).toList());
        ScalingResult read = new ScalingOutput(folder.resolve("out")).read();
        assertEquals(result.runs().size(), read.runs().size());
        assertEquals(List.of("", "interrupted during repeat 1", "not begun when the benchmark ended"),
                ScalingTable.of(read).rows().stream().map(ScalingRow::reason).toList());
        assertTrue(Files.readString(written).contains("\"state\" : \"interrupted\""));
        assertIsGone(stubborn);
    }

    @Test
    void shouldSayThatALauncherIsMissing() {
        InvalidInputException error =
                assertThrows(InvalidInputException.class, () -> Executable.find("mpirun", folder + ":/nowhere"));

        assertEquals("there is no mpirun in PATH, which starts the ranks; add its folder to PATH, or choose another"
                + " 'launcher'", error.getMessage());
    }

    @Test
    void shouldSayThatALauncherCannotBeStarted() throws Exception {
        ScalingBenchmark benchmark = benchmark("", "repeats: 1");
        Files.delete(folder.resolve("mpirun"));

        assertTrue(benchmark.run(run -> { }).failure(1).orElseThrow().startsWith("it could not be run: "));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void assertIsGone(String pid) {
        assertTrue(ProcessHandle.of(Long.parseLong(pid.strip())).filter(ProcessHandle::isAlive).isEmpty(), pid);
    }

    private ScalingBenchmark benchmark(String script, String... keys) throws IOException {
        Path lines = Files.createDirectories(folder.resolve("lines"));
        for (int ranks : List.of(1, 2, 4)) {
            Files.writeString(lines.resolve(ranks + ".json"), LINES.line(ranks, 0.1, 0.2, 0.3) + "\n");
        }
        Path launcher = Files.writeString(folder.resolve("mpirun"), "#!/bin/sh\nlines=" + lines + "\n" + script + "\n");
        Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path job = Files.writeString(folder.resolve("job.yaml"), """
                name: wide
                data:
                  train: {format: synthetic, samples: 100, features: 4, classes: 3}
                model:
                  - linear: {in: 4, out: 3}
                optimizer:
                  sgd: {lr: 0.1}
                train: {epochs: 1, batch-size: 8}
                """);
        List<String> yaml = Stream.concat(
                Stream.of("kind: weak", "job: job.yaml", "batch-size: 8", "ranks: [1, 2, 4]"), Stream.of(keys)).toList();
        ScalingConfig config = ScalingFile.load(Files.write(folder.resolve("b.yaml"), yaml), List.of());
        ScalingPlan plan = ScalingPlan.of(config, JobFile.load(job, List.of()), new Allocation(false, List.of(8), 8));
        return new ScalingBenchmark(plan,
                plan.setup("0.1.0", "abc", List.of("./lockstep"), JobFile.load(job, List.of()), Map.of()), launcher,
                Path.of("/nowhere/lockstep"), new ScalingOutput(Files.createDirectories(folder.resolve("out"))));
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code bench allreduce} over real MPI, and its comparison with C. */
class BenchAllReduceIT {
    @TempDir
    private Path folder;

    @Test
    void shouldPrintARowOfNcclTestsColumnsForEachSize() {
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "allreduce", "--max", "4KiB", "--iterations", "3").run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals("", run.stderr(), run::toString);
        List<String> head = run.stdout().lines().filter(line -> line.startsWith("#")).toList();
        assertTrue(head.get(0).contains("2 ranks on "), run::toString);
        assertTrue(head.get(1).matches("# Open MPI .*, 2 ranks started by mpirun"), run::toString);
        assertEquals("# ranks of a machine sum in memory that they share; --mpi: by MPI_Allreduce", head.get(2));
        assertTrue(head.get(head.size() - 2).matches("# +size +count +type +redop +time +algbw +busbw +#wrong +hand-over"
                + " +time +algbw +busbw +#wrong"), run::toString);
        List<String> rows = run.stdout().lines().filter(line -> !line.startsWith("#")).toList();
        assertEquals(11, rows.size(), run::toString);
        for (int i = 0; i < rows.size(); i++) {
            String timing = " +[0-9]+\\.[0-9]{2} +[0-9]+\\.[0-9]{2} +[0-9]+\\.[0-9]{2} +0";
            assertTrue(rows.get(i).matches(" +" + (4 << i) + " +" + (1 << i) + " +float +sum" + timing
                    + " +[0-9]+\\.[0-9]{2}" + timing), run::toString);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void shouldPrintOneJsonObject(int ranks) throws Exception {
        ProcessRun.Result run = Lockstep.ranks(ranks, "bench", "allreduce", "--min", "12B", "--max", "64KiB", "--warmup",
                "1", "--iterations", "9,8,7,6,5,4,3,2,2,2,2,2,2", "--json").run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(1, run.stdout().lines().count(), run::toString);
        JsonNode json = new ObjectMapper().readTree(run.stdout());
        assertEquals("allreduce", json.get("kind").asText());
        assertEquals(ranks, json.get("ranks").asInt());
        assertEquals(1, json.get("hosts").asInt());
        assertEquals(ranks == 1 ? "none" : "shared memory", json.get("reduction").asText());
        assertTrue(json.path("reduction_refusal").isNull(), run::toString);
        assertEquals(1, json.get("warmup").asInt());
        assertEquals(ranks, json.get("environment").get("ranks").size());
        JsonNode sizes = json.get("sizes");
        assertEquals(13, sizes.size());
        JsonNode last = sizes.get(12);
        assertEquals(12 << 12, last.get("bytes").asInt());
        assertEquals(3 << 12, last.get("count").asInt());
        assertEquals(2, last.get("iterations").asInt());
        assertEquals(9, sizes.get(0).get("iterations").asInt());
        for (String way : List.of("communication_thread", "calling_thread")) {
            JsonNode timing = last.get(way);
            assertEquals(0, timing.get("wrong").asInt());
            double seconds = timing.get("seconds").asDouble();
            assertEquals(timing.get("collective_seconds").asDouble() + timing.get("hand_over_seconds").asDouble(), seconds,
                    1e-12);
            assertTrue(timing.get("p50_seconds").asDouble() <= timing.get("p99_seconds").asDouble(), run::toString);
            assertEquals((12 << 12) * 1e-9 / seconds, timing.get("algbw_gb_per_second").asDouble(), 1e-9);
            assertEquals(timing.get("algbw_gb_per_second").asDouble() * 2 * (ranks - 1) / ranks,
                    timing.get("busbw_gb_per_second").asDouble(), 1e-9);
        }
    }

    @Test
    void shouldAgreeOnTheIterationsOfEachSize() throws Exception {
        ProcessRun.Result run = Lockstep.ranks(3, "bench", "allreduce", "--min", "1KiB", "--max", "2KiB", "--json").run();

        assertEquals(0, run.exitStatus(), run::toString);
        for (JsonNode size : new ObjectMapper().readTree(run.stdout()).get("sizes")) {
            assertTrue(size.get("iterations").asInt() >= 10, run::toString);
        }
    }

    @Test
    void shouldTellWhyRanksDoNotSumInSharedMemory() throws Exception {
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "allreduce", "--max", "4B", "--iterations", "2", "--mpi",
                "--json").run();

        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode json = new ObjectMapper().readTree(run.stdout());
        assertEquals("MPI", json.get("reduction").asText());
        assertEquals("--mpi is given", json.path("reduction_refusal").asText(), run::toString);
    }

    @Test
    void shouldSayWhatOneRankAloneMeans() {
        ProcessRun.Result run = Lockstep.alone("bench", "allreduce", "--max", "8", "--iterations", "3").run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().contains("\n# one rank: nothing is exchanged, these are the times of the calls alone\n"),
                run::toString);
        assertEquals(2, run.stdout().lines().filter(line -> !line.startsWith("#")).count(), run::toString);
    }

    @Test
    void shouldFailAtTheEndWhereASumIsWrong() {
        String library = folder.resolve("libwrong_sum.so").toString();
        ProcessRun.Result compiled = ProcessRun.command("mpicc", "-shared", "-fPIC", "-o", library,
                "src/test/native/mpi/wrong_sum.c").run();
        assertEquals(0, compiled.exitStatus(), compiled::toString);

        ProcessRun.Result run = Lockstep.ranks(2, "bench", "allreduce", "--min", "2KiB", "--max", "8KiB", "--iterations",
                "2", "--mpi").environment("LD_PRELOAD", library).run();

        assertEquals(1, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: 4 elements are wrong over all ranks and sizes, the first in sums of 4096"
                + " bytes: this MPI does not sum right, so training would not either; try another transport (--mca pml,"
                + " --mca btl) or version of it"), Lockstep.errors(run), run::toString);
        List<String> rows = run.stdout().lines().filter(line -> !line.startsWith("#")).toList();
        assertEquals(3, rows.size(), run::toString);
        assertTrue(rows.get(0).endsWith(" 0") && rows.get(1).endsWith(" 1") && rows.get(2).endsWith(" 1"), run::toString);
    }

    @Test
    void shouldEndWhereARankStops() throws Exception {
        ProcessRun endless = Lockstep.ranks(2, "bench", "allreduce", "--max", "8B", "--iterations", "1,1000000", "--timeout",
                "2s").limit(Duration.ofSeconds(90));
        long begin = System.nanoTime();
        try (RunningProcess process = endless.start()) {
            process.awaitStdout("            1   float    sum");
            ProcessHandle stopped = Lockstep.rank(process, 1);
            // Between two sizes the ranks exchange something else, but take next to no time for it.
            awaitCpuTime(Lockstep.rank(process, 0), Duration.ofMillis(100));
            awaitCpuTime(stopped, Duration.ofMillis(100));
            assertEquals(0, ProcessRun.command("kill", "-STOP", Long.toString(stopped.pid())).run().exitStatus());

            ProcessRun.Result run = process.awaitExit();

            assertEquals(1, run.exitStatus(), run::toString);
            List<String> errors = Lockstep.errors(run);
            assertEquals(1, errors.size(), run::toString);
            assertTrue(errors.get(0).matches("lockstep: error: rank 1 on host .*: silent for [0-9.]+ s, .*; rank 0 waits in"
                    + " allReduce 2 of 2 floats, at which rank 1 has not arrived"), run::toString);
            double silent = Double.parseDouble(errors.get(0).replaceAll(".*silent for ([0-9.]+) s.*", "$1"));
            assertTrue(silent >= 2 && silent <= (System.nanoTime() - begin) * 1e-9, run::toString);
            Lockstep.awaitExits(List.of(stopped), 5);
        }
    }

    /** Until a process has used as much more. */
    private static void awaitCpuTime(ProcessHandle process, Duration more) {
        long start = System.nanoTime();
        Duration end = cpuTime(process).plus(more);
        while (cpuTime(process).compareTo(end) < 0) {
            assertTrue(System.nanoTime() - start < 30_000_000_000L, "process " + process.pid() + " uses no CPU time");
            Thread.onSpinWait();
        }
    }

    private static Duration cpuTime(ProcessHandle process) {
        return process.info().totalCpuDuration().orElseThrow();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', value = {
        "--min=-4|--min is '-4'; give a size from 4B to 1GiB such as 4MiB, a multiple of the 4 bytes of a float",
        "--min=6B|--min is '6B'; give a size from 4B to 1GiB",
        "--max=4MB|--max is '4MB'; give a size from 4B to 1GiB",
        "--max=2GiB|--max is '2GiB'; give a size from 4B to 1GiB",
        "--warmup=0|--warmup is 0; give a number from 1 to 1000000",
        "--iterations=-1|--iterations is -1; give numbers from 1 to 1000000",
        "--iterations=1,2|--iterations has 2 numbers for 27 sizes; give one for all, or one for each",
        "--iterations=many|many",
        "--timeout=60|--timeout is '60'; give a time above 0, at most 24h, such as 60s or 5m",
        "job.yaml|unexpected argument 'job.yaml'; see ./lockstep bench allreduce --help",
    })
    void shouldRefuseAWrongCommandLineInOneLine(String options, String message) {
        refused(Lockstep.alone("bench", "allreduce", options).run(), message);
    }

    @Test
    void shouldRefuseAWrongCommandLineInOneLineOfAllRanks() {
        refused(Lockstep.ranks(2, "bench", "allreduce", "--min=8KiB", "--max=4KiB").run(),
                "--min 8KiB is larger than --max 4KiB; exchange them");
    }

    /** They would wait for each other in sums that one of them does not make, until the timeout. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', value = {
        "--max|--max=4KiB",
        "--min|--min=8KiB",
        "--warmup|--warmup=6",
        "--iterations|--iterations=3",
        "--timeout|--timeout=61s",
        "--mpi|--mpi",
    })
    void shouldRefuseOptionsThatDifferBetweenRanks(String differs, String option) {
        String[] options = {"bench", "allreduce", "--max=8KiB"};
        ProcessRun.Result run = Lockstep.ranks(1, options).arguments(":", "-np", "1", Lockstep.LAUNCHER).arguments(
                differs.equals("--max") ? new String[] {"bench", "allreduce", option}
                        : new String[] {"bench", "allreduce", "--max=8KiB", option}).limit(Duration.ofSeconds(50)).run();

        refused(run, "rank 1 starts with another " + differs + " than rank 0; every rank needs the same program");
    }

    private static void refused(ProcessRun.Result run, String message) {
        assertEquals(2, run.exitStatus(), run::toString);
        List<String> errors = Lockstep.errors(run);
        assertEquals(1, errors.size(), run::toString);
        assertTrue(errors.get(0).startsWith("lockstep: error: ") && errors.get(0).contains(message), run::toString);
        assertEquals("", run.stdout(), run::toString);
        assertFalse(run.stderr().contains("Exception"), run::toString);
    }

    @Test
    void shouldCompareItselfWithC() throws Exception {
        assumeTrue(ProcessRun.command("sh", "-c", "command -v python3").run().exitStatus() == 0, "needs python3");
        ProcessRun.Result run = ProcessRun.command("bench/allreduce/run.sh", "--pairs", "2", "--min", "512KiB", "--max",
                "1MiB", "--iterations", "3", "--results", folder.toString()).limit(Duration.ofSeconds(120)).run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().lines().anyMatch(line -> line.matches(" +524288 .* -  .*")), run::toString);
        assertTrue(run.stdout().lines().anyMatch(line -> line.matches(" +1048576 .* (met|NOT MET) .*")), run::toString);
        String path = run.stdout().lines().filter(line -> line.startsWith("All values: ")).findFirst().orElseThrow();
        JsonNode json = new ObjectMapper().readTree(Path.of(path.substring("All values: ".length())).toFile());
        assertEquals(2, json.get("values").get("1048576").get("c").size());
        JsonNode row = json.get("rows").get(1);
        assertTrue(row.get("c").asDouble() > 0 && row.get("collective").asDouble() > 0, run::toString);
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchPredictIT {
    private static final List<String> SMALL_CHUNKS = List.of("small.yaml", "--json", "--set",
            "distributed={first-bucket: 4B, bucket: 1KiB, chunk: 256B}", "--set", "threads=1");

    @TempDir
    private Path folder;

    /** From real runs of one and two ranks to a table; how near it comes is no matter here. */
    @Test
    void shouldPredictFromWhatTheOtherBenchmarksPrint() throws Exception {
        SmallJob.write(folder);
        Path steps = folder.resolve("steps.jsonl");
        measure(steps, 1, "bench", "step");
        measure(steps, 2, "bench", "step");
        measure(steps, 2, "bench", "overlap", "--repeats", "1");

        ProcessRun.Result run = Lockstep.alone("bench", "predict", "steps.jsonl").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals("", run.stderr());
        assertEquals(4, run.stdout().lines().filter(line -> line.startsWith("small ")).count(), run::toString);
        assertEquals(3, run.stdout().lines().filter(line -> line.endsWith("  (fitted)")).count(), run::toString);
        // One host of two ranks is known, and no link.
        assertEquals(4, run.stdout().lines().filter(line -> line.startsWith("predicted ")).count(), run::toString);
        assertTrue(run.stdout().contains("nothing is predicted beyond one host, of 2 ranks"), run::toString);

        run = Lockstep.alone("bench", "predict", "--fit", "steps.jsonl", "--ranks-per-host", "8", "--most-ranks", "8",
                "--batch-size", "16", "--global-batch", "32", "--json").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode prediction = new ObjectMapper().readTree(run.stdout());
        assertEquals("prediction", prediction.get("kind").asText());
        assertEquals(4, prediction.get("points").size());
        for (JsonNode point : prediction.get("points")) {
            assertTrue(point.get("fitted").asBoolean(), prediction::toString);
            assertEquals(point.get("predicted_seconds").asDouble() / point.get("measured_seconds").asDouble() - 1,
                    point.get("error").asDouble(), 1e-9);
        }
        assertEquals(List.of(1, 2, 4, 8),
                prediction.get("strong").findValues("ranks").stream().map(JsonNode::asInt).toList());
        assertEquals(List.of(32, 16, 8, 4),
                prediction.get("strong").findValues("batch_size").stream().map(JsonNode::asInt).toList());
        for (JsonNode row : prediction.get("weak")) {
            assertTrue(row.get("predicted").asBoolean() && row.get("step_seconds").asDouble() > 0, prediction::toString);
            assertEquals(16, row.get("batch_size").asInt());
        }
    }

    private void measure(Path file, int ranks, String... arguments) throws Exception {
        ProcessRun run = ranks == 1 ? Lockstep.alone(arguments) : Lockstep.ranks(ranks, arguments);
        ProcessRun.Result result = run.arguments(SMALL_CHUNKS.toArray(String[]::new)).arguments("--steps", "3")
                .directory(folder).run();
        assertEquals(0, result.exitStatus(), result::toString);
        Files.writeString(file, result.stdout(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "nowhere.jsonl|nowhere.jsonl does not exist; name a file that holds what bench step --json or bench overlap --json"
                + " has printed, or a scaling.json",
        "gemm.jsonl|gemm.jsonl:1: this is a result of kind 'gemm'; give what bench step --json or bench overlap --json has"
                + " printed, or a scaling.json",
        "table.txt|table.txt:1: this is no JSON; give what bench step --json or bench overlap --json has printed, or a"
                + " scaling.json",
        "--most-ranks 0 gemm.jsonl|--most-ranks is 0; give a number from 1 to 1048576",
        "--json|there is nothing to predict from; name files that hold what bench step --json has printed",
    })
    void shouldRefuseBadInputInOneLine(String arguments, String message) throws Exception {
        Files.writeString(folder.resolve("gemm.jsonl"), "{\"kind\":\"gemm\"}\n");
        Files.writeString(folder.resolve("table.txt"), "step 3 ms\n");
        ProcessRun.Result run = Lockstep.alone("bench", "predict").arguments(arguments.split(" ")).directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals("lockstep: error: " + message + "\n", run.stderr());
        assertEquals("", run.stdout());
    }
}

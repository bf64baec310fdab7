package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BenchStepIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws Exception {
        SmallJob.write(folder);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldPrintOneLineOfJson(int ranks) throws Exception {
        String[] arguments = {"bench", "step", "small.yaml", "--json", "--steps", "8", "--warmup", "2", "--link-rate",
            "1gbit", "--set", "data.test.images=nowhere"};
        ProcessRun.Result run = (ranks == 1 ? Lockstep.alone(arguments) : Lockstep.ranks(ranks, arguments))
                .directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(1, run.stdout().lines().count(), run::toString);
        JsonNode step = new ObjectMapper().readTree(run.stdout());
        assertEquals("step", step.get("kind").asText());
        assertEquals("small", step.get("name").asText());
        assertEquals(ranks, step.get("ranks").asInt());
        assertEquals(1, step.get("hosts").asInt());
        assertTrue(step.get("cores").asInt() >= 1, step::toString);
        assertEquals("1gbit", step.get("link_rate").asText());
        assertEquals("fp32", step.get("precision").asText());
        assertEquals(8, step.get("batch_size").asInt());
        assertEquals(8 * ranks, step.get("global_batch").asInt());
        assertEquals(SmallJob.SAMPLES, step.get("samples").asInt());
        assertEquals("[\"linear: {in: 12, out: 16}\",\"relu\",\"linear: {in: 16, out: 3}\"]", step.get("model").toString());
        assertEquals("sgd with momentum", step.get("optimizer").asText());
        assertEquals(12 * 16 + 16 + 16 * 3 + 3, step.get("parameters").asInt());
        assertEquals(step.get("gradient_bytes").asLong(), sum(step.get("chunk_bytes_each")));
        assertEquals(8, step.get("step_seconds").size());
        double median = step.get("step_seconds_median").asDouble();
        assertTrue(0 < step.get("step_seconds_low").asDouble() && step.get("step_seconds_low").asDouble() <= median
                && median <= step.get("step_seconds_high").asDouble(), step::toString);
        assertEquals(8 * ranks / median, step.get("samples_per_second").asDouble(), 1e-6 / median);
        assertEquals(ranks == 1, step.get("breakdown").get("hidden_fraction") == null);
        assertTrue(step.get("breakdown").get("backward_seconds").asDouble() > 0, step::toString);
        assertEquals(ranks == 1 ? 0 : 1, step.get("chunk_seconds").size());
        JsonNode second = step.get("operations").get(1);
        assertEquals("0.forward", second.get("name").asText());
        assertEquals("forward", second.get("phase").asText());
        assertEquals(2.0 * 8 * 12 * 16, second.get("flops").asDouble());
        assertTrue(second.get("seconds").asDouble() > 0, step::toString);
        assertTrue(step.get("resident_bytes").asLong() > 1 << 20, step::toString);
        assertEquals(ranks, step.get("environment").get("ranks").size());
        assertFalse(Files.exists(folder.resolve("runs")));
    }

    /** The short last step of an epoch, of 60 samples a rank in batches of 8, is in none of the figures. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldTellWhereTheTimeGoesOnAGpu(int ranks) throws Exception {
        String[] arguments = {"bench", "step", "small.yaml", "--json", "--steps", "12", "--warmup", "1", "--set",
            "device=cuda"};
        ProcessRun.Result run = (ranks == 1 ? Lockstep.alone(arguments) : Lockstep.ranks(ranks, arguments))
                .environment("CUDA_HOME", Path.of("target/cuda-stand-in").toAbsolutePath().toString())
                .environment("CUDA_VISIBLE_DEVICES", "0,1").directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode step = new ObjectMapper().readTree(run.stdout());
        assertTrue(step.get("device").asText().contains("CUDA stand-in"), run::toString);
        // Means of ten steps and of two; with two ranks, of the six that are left of an epoch, and of six more.
        assertEquals(2, step.get("step_seconds").size());
        JsonNode breakdown = step.get("breakdown");
        double mean = breakdown.get("step_seconds").asDouble();
        assertTrue(mean <= Math.max(step.get("step_seconds").get(0).asDouble(), step.get("step_seconds").get(1).asDouble()),
                step::toString);
        assertEquals(2 * 8 * (12 * 16 * 2 + 16 * 3 * 3), breakdown.get("gflops").asDouble() * 1e9 * mean, 1e-3);
        assertEquals("0.forward", step.get("operations").get(1).get("name").asText());
        assertEquals(ranks == 1 ? 0 : 1, step.get("chunk_seconds").size());
        assertEquals(ranks > 1, breakdown.get("comm_seconds").asDouble() > 0, step::toString);
    }

    /** 60 samples a rank are two steps of three micro-batches of 8, and a short one. */
    @ParameterizedTest
    @ValueSource(strings = {"cpu", "cuda"})
    void shouldTakeAllMicroBatchesForOneStep(String device) throws Exception {
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "step", "small.yaml", "--json", "--steps", "12", "--warmup", "1",
                        "--set", "device=" + device, "--set", "train.accumulate=3")
                .environment("CUDA_HOME", Path.of("target/cuda-stand-in").toAbsolutePath().toString())
                .environment("CUDA_VISIBLE_DEVICES", "0,1").directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode step = new ObjectMapper().readTree(run.stdout());
        assertEquals(8, step.get("batch_size").asInt());
        assertEquals(3, step.get("accumulate").asInt());
        assertEquals(48, step.get("global_batch").asInt());
        double median = step.get("step_seconds_median").asDouble();
        assertEquals(48 / median, step.get("samples_per_second").asDouble(), 1e-6 / median);
        double flops = 3 * 2 * 8 * (12 * 16 * 2 + 16 * 3 * 3);
        JsonNode breakdown = step.get("breakdown");
        assertEquals(flops, breakdown.get("gflops").asDouble() * 1e9 * breakdown.get("step_seconds").asDouble(), 1e-3);
        double ofOperations = 0;
        for (JsonNode operation : step.get("operations")) {
            ofOperations += operation.get("flops").asDouble();
        }
        assertEquals(flops, ofOperations, 1e-6);
        assertEquals(1, step.get("chunk_seconds").size());
    }

    @ParameterizedTest
    @CsvSource({"batch-norm, false", "sync-batch-norm, true", "'residual: [linear: {in: 16, out: 16}, sync-batch-norm]', true"})
    void shouldTellOfSumsWithinForwardAndBackward(String layer, boolean sums) throws Exception {
        ProcessRun.Result run = Lockstep.alone("bench", "step", "small.yaml", "--json", "--steps", "1", "--set",
                "model=[linear: {in: 12, out: 16}, " + layer + ", linear: {in: 16, out: 3}]").directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(sums, new ObjectMapper().readTree(run.stdout()).get("sums_within_steps").asBoolean(), run::toString);
    }

    /** In the words of train's line of the gradients. */
    @Test
    void shouldTellWhyGradientsAreNotSummedInSharedMemory() throws Exception {
        String why = "distributed.shared-memory is false";
        ProcessRun.Result table = Lockstep.ranks(2, "bench", "step", "small.yaml", "--steps", "1", "--set",
                "distributed.shared-memory=false").directory(folder).run();
        assertTrue(table.stdout().contains("\ngradients sent in 1 chunk by MPI_Allreduce (" + why + ")\n"), table::toString);

        ProcessRun.Result json = Lockstep.ranks(2, "bench", "step", "small.yaml", "--steps", "1", "--json", "--set",
                "distributed.shared-memory=false").directory(folder).run();
        JsonNode step = new ObjectMapper().readTree(json.stdout());
        assertEquals("MPI", step.path("reduction").asText(), json::toString);
        assertEquals(why, step.path("reduction_refusal").asText(), json::toString);
    }

    @Test
    void shouldSayNothingOfSumsOfOneRank() {
        ProcessRun.Result run = Lockstep.alone("bench", "step", "small.yaml", "--steps", "1").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertFalse(run.stdout().contains("gradients"), run::toString);
    }

    private static double sum(JsonNode numbers) {
        double sum = 0;
        for (Iterator<JsonNode> each = numbers.elements(); each.hasNext();) {
            sum += each.next().asDouble();
        }
        return sum;
    }

    @Test
    void shouldPrintATable() {
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "step", "small.yaml").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().startsWith("small: 2 ranks on 1 host, batch 8 a rank; CPU "), run::toString);
        assertTrue(run.stdout().contains("\ngradients sent in 1 chunk through shared memory\nstep   "), run::toString);
        assertTrue(run.stdout().contains("median of 30 after 5; 95 % confidence interval "), run::toString);
        assertTrue(run.stdout().contains("\n  backward   "), run::toString);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--steps 0|--steps is 0; give a number from 1 to 10000000",
        "--warmup -1|--warmup is -1; give a number from 0 to 10000000",
        "--link-rate fast|'fast' is no rate of a link; give one such as 1gbit or 100mbit",
        "--set train.epoch=3|key 'train.epoch' is unknown",
        "--steps many|Invalid value for option '--steps'",
    })
    void shouldRefuseBadInputInOneLine(String options, String message) {
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "step", "small.yaml").arguments(options.split(" "))
                .directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        List<String> errors = Lockstep.errors(run);
        assertEquals(1, errors.size(), run::toString);
        assertTrue(errors.get(0).contains(message), run::toString);
        assertEquals("", run.stdout());
    }

    @ParameterizedTest
    @CsvSource({"step, --steps", "step, --warmup", "overlap, --steps", "overlap, --repeats", "checkpoint, --repeats"})
    void shouldRefuseOptionsThatDifferBetweenRanks(String benchmark, String option) {
        ProcessRun.Result run = Lockstep.ranks(1, "bench", benchmark, "small.yaml", option, "3")
                .arguments(":", "-np", "1", Lockstep.LAUNCHER, "bench", benchmark, "small.yaml", option, "4")
                .directory(folder).limit(Duration.ofSeconds(50)).run();

        assertEquals(2, run.exitStatus(), run::toString);
        List<String> errors = Lockstep.errors(run);
        assertEquals(1, errors.size(), run::toString);
        assertTrue(errors.get(0).contains("rank 1 starts with another " + option + " than rank 0;"), run::toString);
    }
}

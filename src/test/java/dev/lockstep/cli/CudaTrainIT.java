package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The program on GPUs: those of the tests' stand-in for CUDA, whose streams run as late as they may. */
class CudaTrainIT {
    private static final Map<String, String> STAND_IN =
            Map.of("CUDA_HOME", Path.of("target/cuda-stand-in").toAbsolutePath().toString(), "CUDA_VISIBLE_DEVICES", "0,1");
    private static final String ALL_LAYERS = "model=[{linear: {in: 12, out: 40}}, relu, {linear: {in: 40, out: 33}}, gelu,"
            + " {linear: {in: 33, out: 20}}, tanh, {linear: {in: 20, out: 17}}, sigmoid, {linear: {in: 17, out: 3}}]";
    private static final double TOLERANCE = 1e-4;
    /** bfloat16 keeps 8 bits, tf32 11: of a loss near 1, what is left after some steps. */
    private static final double LOW_PRECISION_TOLERANCE = 2e-2;

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
    }

    /** 120 samples in batches of 7: the last one is short. Chunks of 64 bytes are many, each with its own event. */
    @ParameterizedTest(name = "{0} ranks, overlap {1}, {2}, micro-batches {3}, clip-norm {4}")
    @CsvSource({"1, true, fp32, 1, null", "2, true, fp32, 1, null", "2, false, fp32, 1, null", "3, true, fp32, 1, null",
        "2, true, tf32, 1, null", "2, true, bf16, 1, null", "1, true, fp32, 4, null", "2, true, fp32, 4, 0.2",
        "2, true, bf16, 4, null", "1, true, fp32, 1, 0.2"})
    void shouldTrainToTheLossesOfTheCpu(int ranks, boolean overlap, String precision, int accumulate, String clipNorm)
            throws IOException {
        shouldTrainToTheLossesOfTheCpu(ranks, precision, ALL_LAYERS, "train.batch-size=7", "train.accumulate=" + accumulate,
                "train.clip-norm=" + clipNorm, "train.clip-value=" + (clipNorm.equals("null") ? "null" : "0.1"),
                "distributed.chunk=64", "distributed.first-bucket=1KiB", "distributed.overlap=" + overlap);
    }

    /**
     * The steps are recorded where the norms see one rank's batch, and not where they see all ranks'. With a small rate the
     * losses stay those that bfloat16's tolerance is of: a tenth as large, they hold its rounding ten times.
     */
    @ParameterizedTest(name = "{0} ranks, {1}, {2}")
    @CsvSource({"1, batch-norm, fp32, 0.02", "2, batch-norm, fp32, 0.02", "2, sync-batch-norm, fp32, 0.02",
        "3, sync-batch-norm, fp32, 0.02", "1, batch-norm, bf16, 0.001", "2, sync-batch-norm, bf16, 0.001"})
    void shouldTrainNormsDropoutAndResidualBlocksToTheLossesOfTheCpu(int ranks, String norm, String precision, String lr)
            throws IOException {
        shouldTrainToTheLossesOfTheCpu(ranks, precision, "model=[" + norm + ", {linear: {in: 12, out: 40}}, " + norm
                + ", relu, {dropout: 0.2}, {residual: [layer-norm, {linear: {in: 40, out: 33}}, gelu, {dropout: 0.1},"
                + " {linear: {in: 33, out: 40}}]}, layer-norm, {linear: {in: 40, out: 3}}]", "train.batch-size=9",
                "distributed.chunk=64", "distributed.first-bucket=1KiB", "optimizer.sgd.lr=" + lr);
    }

    private void shouldTrainToTheLossesOfTheCpu(int ranks, String precision, String... sets) throws IOException {
        List<JsonNode> expected = lossesOfTheCpu(ranks, sets);
        List<JsonNode> actual = losses(run(ranks, "on-gpu", STAND_IN, with(sets, "device=cuda", "gpu-sharing=true",
                "precision=" + precision)), "on-gpu");
        double tolerance = precision.equals("fp32") ? TOLERANCE : LOW_PRECISION_TOLERANCE;
        assertEquals(expected.size(), actual.size());
        boolean same = true;
        for (int i = 0; i < expected.size(); i++) {
            double loss = expected.get(i).get("loss").asDouble();
            assertEquals(loss, actual.get(i).get("loss").asDouble(), tolerance * loss, "step " + (i + 1));
            same &= loss == actual.get(i).get("loss").asDouble();
        }
        assertFalse(same, "not one rounding differs: was this the CPU?");
        List<JsonNode> tested = Lockstep.metrics(folder.resolve("on-gpu"), "epoch");
        for (JsonNode epoch : Lockstep.metrics(folder.resolve("on-cpu"), "epoch")) {
            double loss = epoch.get("test_loss").asDouble();
            assertEquals(loss, tested.get(epoch.get("epoch").asInt() - 1).get("test_loss").asDouble(), tolerance * loss,
                    epoch::toString);
        }
    }

    /** Each copies its chunks to memory that both have, or to its own, which MPI then reads. */
    @Test
    void shouldTrainAlikeThroughSharedMemoryAndMpi() throws IOException {
        List<String> hashes = new ArrayList<>();
        for (String shared : List.of("true", "false")) {
            ProcessRun.Result run = run(2, "shared-" + shared, STAND_IN, "device=cuda", "distributed.chunk=64",
                    "distributed.first-bucket=1KiB", "distributed.shared-memory=" + shared);
            assertEquals(shared.equals("true"), run.stdout().contains(" chunks through shared memory, "), run::toString);
            hashes.add(Lockstep.metrics(folder.resolve("shared-" + shared), "summary").get(0).get("parameters_sha256").asText());
        }
        assertEquals(hashes.get(0), hashes.get(1));
    }

    /** On one rank the update is part of the recorded graph, and its numbers change with every step. */
    @ParameterizedTest(name = "{0} ranks")
    @CsvSource({"1", "2"})
    void shouldTrainByAdamUnderAScheduleToTheLossesOfTheCpu(int ranks) throws IOException {
        String[] sets = {"optimizer.adamw={lr: 0.01, betas: [0.8, 0.9]}", "distributed.chunk=64",
            "optimizer.groups=[{parameters: biases, weight-decay: 0, lr: 0.02}]",
            "schedule={warmup-steps: 5, cosine: {steps: 20, min-lr: 0.001}, scale-lr: linear}"};
        List<JsonNode> expected = lossesOfTheCpu(ranks, sets);
        List<JsonNode> actual = losses(run(ranks, "on-gpu", STAND_IN, with(sets, "device=cuda")), "on-gpu");
        assertEquals(expected.size(), actual.size());
        for (int i = 0; i < expected.size(); i++) {
            double loss = expected.get(i).get("loss").asDouble();
            assertEquals(loss, actual.get(i).get("loss").asDouble(), TOLERANCE * loss, "step " + (i + 1));
            assertEquals(expected.get(i).get("learning_rate"), actual.get(i).get("learning_rate"));
        }
    }

    /** 8 MB of features beside the 32 MiB that matrix products take of 36. */
    @ParameterizedTest(name = "{0} ranks")
    @CsvSource({"1", "2"})
    void shouldTrainOnDataThatIsTooLargeForTheGpu(int ranks) throws IOException {
        String[] sets = {"data.train={format: synthetic, samples: 2001, features: 1000, classes: 3}", "data.test=null",
            "model=[{linear: {in: 1000, out: 16}}, relu, {linear: {in: 16, out: 3}}]", "train.batch-size=100",
            "optimizer.sgd.lr=0.001"};
        List<JsonNode> expected = lossesOfTheCpu(ranks, sets);
        ProcessRun.Result run = run(ranks, "on-gpu", with(STAND_IN, "CUDA_STAND_IN_MEMORY_MIB", "36"),
                with(sets, "device=cuda"));
        assertTrue(run.stdout().contains("the data stays in the host's memory"), run::toString);
        assertMemoryAsPredicted(run);
        List<JsonNode> actual = losses(run, "on-gpu");
        assertEquals(expected.size(), actual.size());
        for (int i = 0; i < expected.size(); i++) {
            double loss = expected.get(i).get("loss").asDouble();
            assertEquals(loss, actual.get(i).get("loss").asDouble(), TOLERANCE * loss, "step " + (i + 1));
        }
    }

    /** Activations rule, in which masks count most; between them a layer so narrow that there is little to compute. */
    @ParameterizedTest
    @ValueSource(strings = {"fp32", "bf16"})
    void shouldTakeTheMemoryOfTheGpuThatItPredicts(String precision) {
        ProcessRun.Result run = run(1, "out", STAND_IN, "device=cuda", "precision=" + precision, "train.epochs=1",
                "train.batch-size=8000", "data.train={format: synthetic, samples: 8000, features: 12, classes: 3}",
                "model=[{linear: {in: 12, out: 300}}, relu, {linear: {in: 300, out: 4}}, {linear: {in: 4, out: 301}}, relu,"
                        + " {linear: {in: 301, out: 3}}]");
        assertEquals(0, run.exitStatus(), run::toString);
        assertMemoryAsPredicted(run);
    }

    private static void assertMemoryAsPredicted(ProcessRun.Result run) {
        Matcher memory = Pattern.compile("memory +([0-9.]+) MiB .*\\(predicted: ([0-9.]+)\\)").matcher(run.stdout());
        assertTrue(memory.find(), run::toString);
        double taken = Double.parseDouble(memory.group(1));
        assertEquals(taken, Double.parseDouble(memory.group(2)), 0.05 * taken, memory.group());
    }

    @Test
    void shouldRefuseAModelThatIsTooLargeForTheGpu() {
        ProcessRun.Result run = run(2, "out", with(STAND_IN, "CUDA_STAND_IN_MEMORY_MIB", "64"), "device=cuda",
                "model=[{linear: {in: 12, out: 3000}}, relu, {linear: {in: 3000, out: 3000}}, relu,"
                        + " {linear: {in: 3000, out: 3}}]");
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).contains("not enough memory"), run::toString);
        assertTrue(Lockstep.errors(run).get(0).contains("CUDA stand-in"), run::toString);
    }

    @Test
    void shouldEndAllRanksWhenAGpuIsLost() {
        ProcessRun.Result run = run(2, "out", with(STAND_IN, "CUDA_STAND_IN_LOST_AFTER_LAUNCHES", "300"), "device=cuda",
                "train.epochs=1000000");
        assertEquals(1, run.exitStatus(), run::toString);
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).contains("is lost: "), run::toString);
        assertTrue(Lockstep.errors(run).get(0).matches("lockstep: error: rank [01] on host .*"), run::toString);
    }

    /** The other rank's GPU is well, and waits in a sum for one that never comes. */
    @ParameterizedTest(name = "overlap {0}")
    @ValueSource(booleans = {true, false})
    void shouldEndARankWhoseGpuIsWellWhenAnotherLosesIts(boolean overlap) {
        String[] arguments = {"train", "small.yaml", "--output", "out", "--set", "device=cuda", "--set",
            "train.epochs=1000000", "--set", "log.every-steps=0", "--set", "distributed.chunk=64", "--set",
            "distributed.overlap=" + overlap};
        ProcessRun program = Lockstep.ranks(1, arguments)
                .arguments(":", "-np", "1", "-x", "CUDA_STAND_IN_LOST_AFTER_LAUNCHES=300", Lockstep.LAUNCHER)
                .arguments(arguments);
        STAND_IN.forEach(program::environment);
        ProcessRun.Result run = program.directory(folder).run();
        assertEquals(1, run.exitStatus(), run::toString);
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).matches("lockstep: error: rank 1( of 2)? on host .* is lost: .*"),
                run::toString);
        Lockstep.awaitExits(Lockstep.processesOf(folder), 10);
    }

    /** Nobody reads the loss of a step here before a checkpoint is due: that one must not be written. */
    @Test
    void shouldStopWhereTheLossDivergesAndKeepNoCheckpointOfIt() throws IOException {
        ProcessRun.Result run = run(2, "out", STAND_IN, "device=cuda", "log.every-steps=0", "train.epochs=1000",
                "optimizer.sgd.lr=1e6", "optimizer.sgd.momentum=2", "checkpoint.every-steps=5", "checkpoint.keep=1000");
        assertEquals(1, run.exitStatus(), run::toString);
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        String error = Lockstep.errors(run).get(0);
        assertTrue(error.matches("lockstep: error: rank [01] on host .* step [0-9]+: .*training has diverged.*"), error);
        int step = Integer.parseInt(error.replaceAll(".* step ([0-9]+):.*", "$1"));
        try (var checkpoints = Files.list(folder.resolve("out/checkpoints"))) {
            List<Integer> steps = checkpoints.map(checkpoint -> checkpoint.getFileName().toString())
                    .filter(name -> name.startsWith("step-")).map(name -> Integer.parseInt(name.substring(5))).toList();
            assertFalse(steps.isEmpty(), error);
            assertTrue(steps.stream().allMatch(kept -> kept < step), () -> steps + " of " + error);
        }
    }

    @Test
    void shouldRefuseRanksThatMeetOnOneGpu() {
        ProcessRun.Result run = run(2, "out", with(STAND_IN, "CUDA_VISIBLE_DEVICES", "1"), "device=cuda");
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).contains("gpu-sharing"), run::toString);
    }

    private ProcessRun.Result run(int ranks, String output, Map<String, String> environment, String... sets) {
        List<String> arguments = new ArrayList<>(List.of("train", "small.yaml", "--output", output));
        for (String set : sets) {
            arguments.addAll(List.of("--set", set));
        }
        ProcessRun program = ranks == 1 ? Lockstep.alone(arguments.toArray(String[]::new))
                : Lockstep.ranks(ranks, arguments.toArray(String[]::new));
        environment.forEach(program::environment);
        return program.directory(folder).run();
    }

    private List<JsonNode> lossesOfTheCpu(int ranks, String... sets) throws IOException {
        LocalRun.train(ranks, folder.resolve("small.yaml"), folder.resolve("on-cpu"), sets);
        return Lockstep.metrics(folder.resolve("on-cpu"), "step");
    }

    private List<JsonNode> losses(ProcessRun.Result run, String output) throws IOException {
        assertEquals(0, run.exitStatus(), run::toString);
        return Lockstep.metrics(folder.resolve(output), "step");
    }

    private static String[] with(String[] sets, String... more) {
        List<String> all = new ArrayList<>(List.of(sets));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    private static Map<String, String> with(Map<String, String> environment, String name, String value) {
        Map<String, String> all = new HashMap<>(environment);
        all.put(name, value);
        return all;
    }
}

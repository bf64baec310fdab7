package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.job.JobFile;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainIT {
    /** Fifty steps of 24 samples; 1, 2, 3 and 4 ranks divide them without repeating or dropping any. */
    private static final String[] FIFTY_STEPS = {
        "data.train={format: synthetic, samples: 600, features: 64, classes: 10}", "data.test=null",
        "model=[{linear: {in: 64, out: 96}}, relu, {linear: {in: 96, out: 48}}, tanh, {linear: {in: 48, out: 10}}]",
        "train={epochs: 2, global-batch: 24, drop-last: true}", "log.every-steps=1"
    };
    /** A ReLU within rounding of zero would take one side here and the other there. */
    private static final String SMOOTH =
            "model=[{linear: {in: 64, out: 96}}, gelu, {linear: {in: 96, out: 48}}, tanh, {linear: {in: 48, out: 10}}]";
    /** One bucket a layer, some twenty chunks. */
    private static final String SMALL_CHUNKS = "distributed={first-bucket: 1KiB, bucket: 4KiB, chunk: 2KiB, overlap: ";

    @TempDir
    private Path folder;

    @Test
    void shouldTrainWithoutMpirun() throws Exception {
        SmallJob.write(folder);
        ProcessRun.Result run = Lockstep.alone("train", "small.yaml").directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals("", run.stderr());
        checkResults(folder.resolve("runs/small"), 1, 30);
        assertTrue(run.stdout().contains("one rank: nothing to reduce"), run::toString);
        assertTrue(run.stdout().endsWith("\nresults: runs/small\n"), run::toString);
    }

    @Test
    void shouldTrainUnderMpirunAndGiveEachRunAFolder() throws Exception {
        SmallJob.write(folder);
        for (String runFolder : List.of("small", "small-2", "small-3")) {
            ProcessRun.Result run = Lockstep.ranks(2, "train", "small.yaml").directory(folder).run();

            assertEquals(0, run.exitStatus(), run::toString);
            checkResults(folder.resolve("runs").resolve(runFolder), 2, 16);
            assertTrue(run.stdout().endsWith("\nresults: runs/" + runFolder + "\n"), run::toString);
            assertEquals(1, run.stdout().lines().filter(line -> line.startsWith("epoch 2/2  loss ")).count(), run::toString);
            assertEquals(1, run.stdout().lines().filter(line -> line.startsWith("done: ")).count(), run::toString);
            assertEquals(2, run.stdout().lines().filter(line -> line.matches("[01] .*  cpu .*")).count(), run::toString);
            assertFalse(run.stdout().contains("\r"), "no progress bar in a log\n" + run);
        }
    }

    private void checkResults(Path results, int ranks, int steps) throws IOException {
        try (Stream<Path> files = Files.walk(results)) {
            assertEquals(List.of("", "checkpoints", "checkpoints/epoch-0002", "checkpoints/epoch-0002/model.safetensors",
                    "checkpoints/epoch-0002/optimizer.safetensors", "checkpoints/epoch-0002/state.json", "config.yaml",
                    "environment.json", "metrics.jsonl"),
                    files.map(file -> results.relativize(file).toString()).sorted().toList());
        }
        assertEquals(JobFile.load(folder.resolve("small.yaml"), List.of()),
                JobFile.load(results.resolve("config.yaml"), List.of()));
        assertEquals(ranks, new ObjectMapper().readTree(results.resolve("environment.json").toFile()).get("ranks").size());
        List<JsonNode> logged = Lockstep.metrics(results, "step");
        assertEquals(steps, logged.size());
        assertEquals(steps, logged.get(steps - 1).get("step").asInt());
        List<JsonNode> epochs = Lockstep.metrics(results, "epoch");
        assertEquals(2, epochs.size());
        JsonNode last = epochs.get(1);
        assertEquals(steps, last.get("step").asInt());
        assertTrue(last.get("train_loss").asDouble() < 0.95 * epochs.get(0).get("train_loss").asDouble(), epochs::toString);
        assertTrue(last.get("test_accuracy").asDouble() > 0.6, last::toString);
        JsonNode summary = Lockstep.metrics(results, "summary").get(0);
        assertEquals(ranks, summary.get("ranks").asInt());
        assertEquals(last.get("test_loss"), summary.get("test_loss"));
    }

    @Test
    void shouldTrainAlikeWithAnyNumberOfRanks() throws Exception {
        List<Double> alone = losses(fiftySteps(1, "seed=3"));
        assertEquals(50, alone.size());
        assertTrue(alone.get(49) < 0.7 * alone.get(0), alone::toString);
        for (int ranks : new int[] {2, 3, 4}) {
            List<Double> together = losses(fiftySteps(ranks, "seed=3"));
            assertEquals(50, together.size());
            for (int i = 0; i < 50; i++) {
                assertEquals(alone.get(i), together.get(i), 1e-5 * alone.get(i), ranks + " ranks, step " + (i + 1));
            }
        }
    }

    /** Of 24 samples, once a step in one batch a rank, once in four. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void shouldTrainAlikeWithMicroBatches(int ranks) throws Exception {
        List<Double> whole = losses(fiftyStepsHere(ranks, SMOOTH));
        Path output = fiftySteps(ranks, "seed=3", SMOOTH, SMALL_CHUNKS + "true}", "train.accumulate=4");
        List<Double> accumulated = losses(output);
        assertEquals(50, accumulated.size());
        for (int i = 0; i < 50; i++) {
            assertEquals(whole.get(i), accumulated.get(i), 1e-6 * Math.max(1, whole.get(i)), "step " + (i + 1));
        }
        String batch = "batch " + 24 / ranks / 4 + " x 4 a rank, 24 in all; 25 steps an epoch\n";
        assertTrue(Files.readString(output.resolve("stdout")).contains(batch), batch);
    }

    /** Many chunks are under way at once, and whether they are, changes no bit. */
    @Test
    void shouldTrainAlikeWithAndWithoutOverlap() throws Exception {
        List<Double> whole = losses(fiftyStepsHere(2));
        Path overlapping = fiftySteps(2, "seed=3", SMALL_CHUNKS + "true}");
        Path oneAfterTheOther = fiftySteps(2, "seed=3", SMALL_CHUNKS + "false}");
        assertEquals(hash(oneAfterTheOther), hash(overlapping));
        assertEquals(losses(oneAfterTheOther), losses(overlapping));
        for (int i = 0; i < 50; i++) {
            assertEquals(whole.get(i), losses(overlapping).get(i), 1e-5 * whole.get(i), "step " + (i + 1));
        }
        assertTrue(Files.readString(overlapping.resolve("stdout")).matches(
                "(?s).*gradients 0.04 MiB in 3 buckets, sent in [23][0-9] chunks through shared memory, while backward goes on.*"));
        assertTrue(Files.readString(oneAfterTheOther.resolve("stdout")).contains(
                "after backward: distributed.overlap is false"));
    }

    /** All that a job can ask for at once. What is so trained here is what other tests hold their runs against. */
    @Test
    void shouldTrainAsThreadsOfOneProcessDo() throws Exception {
        SmallJob.write(folder);
        String[] sets = {"model=[batch-norm, {linear: {in: 12, out: 40}}, sync-batch-norm, relu, {dropout: 0.2}, {residual:"
                + " [layer-norm, {linear: {in: 40, out: 33}}, gelu, {linear: {in: 33, out: 40}}]}, tanh, {linear: {in: 40,"
                + " out: 17}}, sigmoid, {linear: {in: 17, out: 3}}]",
            "train={epochs: 2, batch-size: 7, accumulate: 2, clip-norm: 0.2, clip-value: 0.1}",
            "optimizer={adamw: {lr: 0.01, betas: [0.8, 0.9]}, groups: [{parameters: biases, weight-decay: 0, lr: 0.02}]}",
            "schedule={warmup-steps: 3, cosine: {steps: 6, min-lr: 0.001}, scale-lr: linear}",
            "distributed={first-bucket: 1KiB, chunk: 64B}"};
        LocalRun.train(3, folder.resolve("small.yaml"), folder.resolve("threads"), sets);
        List<String> arguments = new ArrayList<>(List.of("train", "small.yaml", "--output", "processes"));
        Stream.of(sets).forEach(set -> arguments.addAll(List.of("--set", set)));
        ProcessRun.Result run = Lockstep.ranks(3, arguments.toArray(String[]::new)).directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);

        for (String kind : List.of("step", "epoch")) {
            List<JsonNode> threads = Lockstep.metrics(folder.resolve("threads"), kind);
            List<JsonNode> processes = Lockstep.metrics(folder.resolve("processes"), kind);
            assertEquals(kind.equals("step") ? 2 * 3 : 2, processes.size());
            assertEquals(threads.size(), processes.size());
            for (int i = 0; i < threads.size(); i++) {
                for (String key : kind.equals("step") ? List.of("loss", "learning_rate")
                        : List.of("train_loss", "test_loss")) {
                    double value = threads.get(i).get(key).asDouble();
                    assertEquals(value, processes.get(i).get(key).asDouble(), 1e-5 * value, kind + " " + (i + 1));
                }
            }
        }
    }

    /** Of two numbers the sum has one value, whoever makes it; of more, rounding depends on the order. */
    @Test
    void shouldTrainAlikeThroughSharedMemoryAndMpi() throws Exception {
        String[] sums = {SMALL_CHUNKS + "true}", SMALL_CHUNKS + "true, shared-memory: false}"};
        Path shared = fiftySteps(2, "seed=3", sums[0]);
        Path mpi = fiftySteps(2, "seed=3", sums[1]);
        assertEquals(hash(mpi), hash(shared));
        assertEquals(losses(mpi), losses(shared));
        assertTrue(Files.readString(shared.resolve("stdout")).contains(" chunks through shared memory, while backward"));
        assertTrue(Files.readString(mpi.resolve("stdout")).contains(
                " chunks by MPI_Allreduce (distributed.shared-memory is false), while backward"));
        List<Double> sharedByThree = losses(fiftySteps(3, "seed=3", sums[0]));
        List<Double> mpiByThree = losses(fiftySteps(3, "seed=3", sums[1]));
        for (int i = 0; i < 50; i++) {
            assertEquals(mpiByThree.get(i), sharedByThree.get(i), 1e-5 * mpiByThree.get(i), "step " + (i + 1));
        }
    }

    /** The folder of the results, with what was printed. */
    private Path fiftySteps(int ranks, String... sets) throws IOException {
        SmallJob.write(folder);
        Path output = Files.createTempDirectory(folder, "out");
        List<String> arguments = new ArrayList<>(
                List.of("train", folder.resolve("small.yaml").toString(), "--output", output.toString()));
        Stream.concat(Stream.of(FIFTY_STEPS), Stream.of(sets)).forEach(set -> arguments.addAll(List.of("--set", set)));
        ProcessRun.Result run = Lockstep.ranks(ranks, arguments.toArray(String[]::new)).run();
        assertEquals(0, run.exitStatus(), run::toString);
        Files.writeString(output.resolve("stdout"), run.stdout());
        return output;
    }

    /** As above, in one bucket, by threads of this process. */
    private Path fiftyStepsHere(int ranks, String... sets) throws IOException {
        Path output = folder.resolve("here");
        LocalRun.train(ranks, SmallJob.write(folder), output,
                Stream.of(FIFTY_STEPS, new String[] {"seed=3"}, sets).flatMap(Stream::of).toArray(String[]::new));
        return output;
    }

    private static List<Double> losses(Path results) throws IOException {
        return Lockstep.metrics(results, "step").stream().map(step -> step.get("loss").asDouble()).toList();
    }

    private static String hash(Path results) throws IOException {
        return Lockstep.metrics(results, "summary").get(0).get("parameters_sha256").asText();
    }

    @Test
    void shouldValidateWithoutTraining() throws Exception {
        Path job = SmallJob.write(folder);
        String valid = job + " is valid for 2 ranks: small; 120 training samples and 31 test samples of 12 features\n";
        ProcessRun.Result run = Lockstep.ranks(2, "validate", job.toString()).directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(valid, run.stdout());
        assertFalse(Files.exists(folder.resolve("runs")));

        ProcessRun.Result bad = Lockstep.alone("validate", job.toString(), "--set", "data.test.images=nowhere").run();
        assertEquals(2, bad.exitStatus(), bad::toString);
        assertEquals(List.of("lockstep: error: " + folder.resolve("nowhere")
                + " does not exist; name an IDX file of images"), bad.errorLines());
    }
}

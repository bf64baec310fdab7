package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.data.IdxFiles;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** evaluate, export and --init; and that PyTorch and this program read each other's models. */
class CheckpointCommandsIT {
    private static final String PYTHON = "/usr/bin/python3";
    private static final String CHECKPOINT = "runs/small/checkpoints/epoch-0002";

    @TempDir
    private static Path trained;

    @TempDir
    private Path folder;

    @BeforeAll
    static void train() throws IOException {
        SmallJob.write(trained);
        ProcessRun.Result run = Lockstep.ranks(2, "train", "small.yaml", "--set", "optimizer.sgd.lr=0.2")
                .directory(trained).run();
        assertEquals(0, run.exitStatus(), run::toString);
    }

    @BeforeEach
    void copyRun() {
        SmallJob.copy(trained, folder);
    }

    @Test
    void shouldEvaluateOnAnyNumberOfRanks() throws Exception {
        JsonNode trained = Lockstep.metrics(folder.resolve("runs/small"), "epoch").get(1);
        for (int ranks = 1; ranks <= 3; ranks++) {
            ProcessRun.Result run = Lockstep.ranks(ranks, "evaluate", CHECKPOINT, "--json").directory(folder).run();
            assertEquals(0, run.exitStatus(), run::toString);
            JsonNode result = new ObjectMapper().readTree(run.stdout());
            assertEquals(31, result.get("samples").asInt());
            assertEquals(trained.get("test_loss").asDouble(), result.get("loss").asDouble(), 1e-6);
            assertEquals(trained.get("test_accuracy").asDouble(), result.get("accuracy").asDouble(), 1e-12);
            assertEquals(16, result.get("step").asInt());
        }
    }

    @Test
    void shouldReportMetricsAndWritePredictionsFromEveryRank() throws Exception {
        String metrics = "metrics=[accuracy, {top-k: 2}, confusion-matrix]";
        ProcessRun.Result run = Lockstep.ranks(3, "evaluate", CHECKPOINT, "--json", "--set", metrics, "--predictions",
                "out.csv").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode result = new ObjectMapper().readTree(run.stdout());
        assertTrue(result.get("top_2_accuracy").asDouble() >= result.get("accuracy").asDouble(), run::toString);
        List<String> lines = Files.readAllLines(folder.resolve("out.csv"));
        assertEquals("index,target,prediction,probability_0,probability_1,probability_2", lines.get(0));
        assertEquals(32, lines.size());
        int correct = 0;
        for (int i = 0; i < 31; i++) {
            String[] fields = lines.get(i + 1).split(",");
            assertEquals(String.valueOf(i), fields[0]);
            correct += fields[1].equals(fields[2]) ? 1 : 0;
        }
        assertEquals(correct / 31.0, result.get("accuracy").asDouble(), 1e-12);
        JsonNode counts = result.get("confusion_matrix");
        assertEquals(correct, IntStream.range(0, 3).map(k -> counts.get(k).get(k).asInt()).sum());

        run = ok("evaluate", CHECKPOINT, "--set", metrics);
        assertTrue(run.stdout().matches("(?s).*: loss 0\\.\\d{6}  accuracy .* %  top 2 accuracy .* %\na row for each class,.*"
                + "\nclass   0   1   2    recall\n    0.*%\n    1.*%\n    2.*%\n"), run::toString);
        refused("--predictions: nowhere/out.csv cannot be written (no such file or folder: nowhere/.out.csv.writing); name a"
                + " file in a folder that exists and may be written", "evaluate", CHECKPOINT, "--predictions",
                "nowhere/out.csv");
        refused("--predictions: runs is a folder; name a file", "evaluate", CHECKPOINT, "--predictions", "runs");
    }

    @Test
    void shouldEvaluateOnOtherData() throws Exception {
        ProcessRun.Result run = ok("evaluate", "runs/small", "--split", "train");
        assertTrue(run.stdout().matches(CHECKPOINT + " on .*train-images.*, 120 samples: loss 0\\.\\d{6}  accuracy .* %\n"),
                run::toString);
        ok("evaluate", CHECKPOINT, "--set", "data.test={format: synthetic, samples: 7, features: 12, classes: 3}");
        ok("evaluate", CHECKPOINT, "small.yaml", "--split", "test");
        refused("the job has no data.test; give it one with --set, or choose --split train", "evaluate", CHECKPOINT, "--set",
                "data.test=null");
        refused("runs/small/checkpoints/epoch-0002/model.safetensors: 0.weight has the shape [16, 12], but the model's is"
                + " [15, 12]; make the layers alike", "evaluate", CHECKPOINT, "--set",
                "model=[{linear: {in: 12, out: 15}}, relu, {linear: {in: 15, out: 3}}]");
        String name = "; name a checkpoint's folder, such as runs/NAME/checkpoints/epoch-0001, or a run's";
        refused("nowhere does not exist" + name, "evaluate", "nowhere");
        refused("runs holds no whole checkpoint" + name, "evaluate", "runs");
    }

    @Test
    void shouldExportOnceAndStartFromWhatItExported() throws Exception {
        assertEquals("exported: small-epoch-0002.safetensors\n", ok("export", CHECKPOINT, "--to", "safetensors").stdout());
        refused("--output small-epoch-0002.safetensors: the file exists; name another or remove it", "export", "runs/small",
                "--to", "safetensors");
        ok("train", "small.yaml", "--init", "small-epoch-0002.safetensors", "--set", "optimizer.sgd.lr=0", "--set",
                "train.epochs=1", "--output", "started");
        assertEquals(Lockstep.metrics(folder.resolve("runs/small"), "summary").get(0).get("parameters_sha256"),
                Lockstep.metrics(folder.resolve("started"), "summary").get(0).get("parameters_sha256"));
        refused("small-epoch-0002.safetensors holds a tensor '2.weight', which the model does not have; it takes 0.weight to"
                + " 0.bias", "train", "small.yaml", "--init", "small-epoch-0002.safetensors", "--set",
                "model=[{linear: {in: 12, out: 16}}]");
        assertTrue(Files.notExists(folder.resolve("runs/small-2")));
    }

    @Test
    void shouldRefuseADamagedCheckpoint() throws Exception {
        Path file = folder.resolve(CHECKPOINT).resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 64;
        Files.write(file, bytes);
        refused("checkpoint " + CHECKPOINT + " is damaged (model.safetensors does not have the sum that it was written with)",
                "evaluate", CHECKPOINT);
    }

    @Test
    void shouldExchangeModelsWithPyTorch() throws Exception {
        assumeTrue(ProcessRun.command(PYTHON, "-c", "import torch, numpy").run().exitStatus() == 0, "needs python3-torch");
        IdxFiles.write(folder.resolve("plain-images"), SmallJob.images(31));
        ok("export", "runs/small", "--to", "safetensors", "--output", "ours.safetensors");
        JsonNode ours = Lockstep.metrics(folder.resolve("runs/small"), "summary").get(0);
        same(ours, torch("load", "plain", "ours.safetensors"));

        JsonNode theirs = torch("save", "plain", "theirs.safetensors");
        ProcessRun.Result run = Lockstep.ranks(2, "train", "small.yaml", "--init", "theirs.safetensors", "--set",
                "optimizer.sgd.lr=0", "--set", "train.epochs=1", "--output", "started").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        same(Lockstep.metrics(folder.resolve("started"), "summary").get(0), theirs);
    }

    /** Running statistics and the number of batches among them; a momentum of 0 leaves them as they were read. */
    @Test
    void shouldExchangeModelsWithBuffersWithPyTorch() throws Exception {
        assumeTrue(ProcessRun.command(PYTHON, "-c", "import torch, numpy").run().exitStatus() == 0, "needs python3-torch");
        IdxFiles.write(folder.resolve("plain-images"), SmallJob.images(31));
        String model = "model=[{linear: {in: 12, out: 16}}, {batch-norm: {momentum: MOMENTUM}}, relu, {dropout: 0.2},"
                + " {residual: [layer-norm, {linear: {in: 16, out: 16}}]}, {linear: {in: 16, out: 3}}]";
        ProcessRun.Result trained = Lockstep.ranks(2, "train", "small.yaml", "--set", model.replace("MOMENTUM", "0.1"),
                "--output", "normed").directory(folder).run();
        assertEquals(0, trained.exitStatus(), trained::toString);
        ok("export", "normed", "--to", "safetensors", "--output", "ours.safetensors");
        JsonNode ours = Lockstep.metrics(folder.resolve("normed"), "summary").get(0);
        JsonNode read = torch("load", "normed", "ours.safetensors");
        same(ours, read);
        assertEquals(16, read.get("batches").asInt());
        assertEquals(new ObjectMapper().readTree(ok("evaluate", "normed", "--json").stdout()).get("loss").asDouble(),
                ours.get("test_loss").asDouble(), 1e-6);

        JsonNode theirs = torch("save", "normed", "theirs.safetensors");
        ProcessRun.Result run = Lockstep.ranks(2, "train", "small.yaml", "--init", "theirs.safetensors", "--set",
                model.replace("MOMENTUM", "0"), "--set", "optimizer.sgd.lr=0", "--set", "train.epochs=1", "--output", "started")
                .directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        same(Lockstep.metrics(folder.resolve("started"), "summary").get(0), theirs);
        refused("theirs.safetensors holds a tensor '1.num_batches_tracked', which the model does not have; it takes 0.weight"
                + " to 2.bias", "train", "small.yaml", "--init", "theirs.safetensors");
    }

    private static void same(JsonNode summary, JsonNode torch) {
        assertEquals(torch.get("loss").asDouble(), summary.get("test_loss").asDouble(), 1e-6);
        assertEquals(torch.get("accuracy").asDouble(), summary.get("test_accuracy").asDouble(), 1e-6);
    }

    private JsonNode torch(String action, String model, String file) throws IOException {
        ProcessRun.Result run = ProcessRun.command(PYTHON,
                Path.of("src/test/resources/torch/safetensors_model.py").toAbsolutePath().toString(), action, model, file,
                "plain-images", "test-labels").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        return new ObjectMapper().readTree(run.stdout());
    }

    private ProcessRun.Result ok(String... arguments) {
        ProcessRun.Result run = Lockstep.alone(arguments).directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals("", run.stderr());
        return run;
    }

    private void refused(String message, String... arguments) {
        ProcessRun.Result run = Lockstep.alone(arguments).directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: " + message), run.errorLines(), run::toString);
    }
}

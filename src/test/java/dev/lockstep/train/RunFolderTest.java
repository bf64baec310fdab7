package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.MetricConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With folders named by the user; how runs/NAME is chosen depends on the working directory, see TrainIT. */
class RunFolderTest {
    private static final Job JOB = SmallJobs.job("seed=7", "threads=2", "checkpoint.every-minutes=0.5");

    private static final Evaluation EVALUATION = new Evaluation(0.5, 100, Map.of(new MetricConfig.Accuracy(), 0.875),
            Optional.of(new long[][] {{40, 10}, {0, 50}}));
    private static final StepBreakdown BREAKDOWN = new StepBreakdown(0.125, 0.25, 0.5, 0.0625, 0.25, 0.03125, 1, 75, 0.875);
    private static final String BREAKDOWN_JSON = "\"data_seconds\":0.125,\"forward_seconds\":0.25,\"backward_seconds\":0.5,"
            + "\"exposed_comm_seconds\":0.0625,\"comm_seconds\":0.25,\"optimizer_seconds\":0.03125,\"step_seconds\":1.0,"
            + "\"hidden_fraction\":0.75,\"gflops\":75.0,\"gemm_share\":0.875";

    @TempDir
    private Path folder;

    @Test
    void shouldWriteAConfigThatIsTheSameJobFromWhereverItIsRead() throws Exception {
        Path output = folder.resolve("a/b");
        create(output).close();
        assertEquals(JOB, JobFile.load(output.resolve("config.yaml"), List.of()));
        Job idx = SmallJobs.job("data.train={format: idx, images: data/images, labels: data/labels}");
        RunFolder.create(idx, Optional.of(folder.resolve("idx")), Map.of()).close();
        assertEquals(idx, JobFile.load(folder.resolve("idx/config.yaml"), List.of()));
    }

    @Test
    void shouldWriteTheEnvironment() throws Exception {
        create(folder.resolve("out")).close();
        assertEquals("{\"mpi\":\"Open MPI 4.1.4\",\"ranks\":[1,2]}",
                new ObjectMapper().readTree(folder.resolve("out/environment.json").toFile()).toString());
    }

    /** What is made of them needs an epoch's line that stays. */
    @Test
    void shouldMissASummaryOnlyBehindLinesThatStay() throws Exception {
        String epoch = "{\"kind\":\"epoch\",\"epoch\":1,\"step\":4}\n";
        String summary = "{\"kind\":\"summary\",\"epochs\":1}\n";
        assertTrue(lacksSummary(epoch));
        assertTrue(lacksSummary(epoch + summary.substring(0, 9)));
        assertFalse(lacksSummary(epoch + summary));
        assertFalse(lacksSummary(""));
        assertFalse(lacksSummary(epoch.substring(0, 30)));
        assertFalse(lacksSummary("\0\0\n" + epoch));
        assertFalse(lacksSummary(epoch.replace("\"epoch\":1", "\"epoch\":0")), "the last epoch's line");
    }

    private boolean lacksSummary(String metrics) throws Exception {
        Files.writeString(folder.resolve("metrics.jsonl"), metrics);
        return RunFolder.lacksSummary(folder, new Position(2, 0, 4, Position.Sums.NONE, ValidationProgress.NONE));
    }

    @Test
    void shouldTakeAnEmptyFolder() throws Exception {
        create(Files.createDirectory(folder.resolve("empty"))).close();
        assertTrue(Files.exists(folder.resolve("empty/metrics.jsonl")));
    }

    /** Line by line, and each at once: the run may end without closing the file. */
    @Test
    void shouldWriteMetricsLineByLine() throws Exception {
        RunFolder run = create(folder.resolve("out"));
        assertEquals(folder.resolve("out"), run.path());
        assertEquals(folder.resolve("out/checkpoints"), run.checkpoints());
        run.stepLogged(1, 2.5, 0.125);
        assertEquals(List.of("{\"kind\":\"step\",\"step\":1,\"loss\":2.5,\"learning_rate\":0.125}"), lines());
        run.epochDone(new EpochMetrics(1, 469, 0.75, 0.25, Optional.of(EVALUATION), 1000, 2,
                Optional.of(BREAKDOWN)));
        run.epochDone(new EpochMetrics(2, 938, 0.5, 0.125, Optional.empty(), 1000, 2, Optional.empty()));
        assertEquals(List.of(
                "{\"kind\":\"epoch\",\"epoch\":1,\"step\":469,\"train_loss\":0.75,\"learning_rate\":0.25,\"test_loss\":0.5,"
                        + "\"test_accuracy\":0.875,\"samples_per_second\":1000.0,\"seconds\":2.0," + BREAKDOWN_JSON + "}",
                "{\"kind\":\"epoch\",\"epoch\":2,\"step\":938,\"train_loss\":0.5,\"learning_rate\":0.125,"
                        + "\"samples_per_second\":1000.0,\"seconds\":2.0}"), lines().subList(1, 3));
        run.trainingDone(new TrainingSummary(2, 2, 938, 0.5, Optional.of(EVALUATION), 1000, 4, 1.5,
                1 << 20, "abc", Optional.of(new StepBreakdown(1, 1, 1, 0, 0, 1, 4, 75, 0.5)), Optional.empty()));
        JsonNode summary = new ObjectMapper().readTree(lines().get(3));
        List<String> keys = new ArrayList<>();
        summary.fieldNames().forEachRemaining(keys::add);
        assertEquals(List.of("kind", "ranks", "epochs", "steps", "train_loss", "test_loss", "test_accuracy", "test_confusion_matrix",
                "samples_per_second", "training_seconds", "first_step_seconds", "peak_resident_bytes",
                "parameters_sha256", "data_seconds", "forward_seconds", "backward_seconds", "exposed_comm_seconds",
                "comm_seconds", "optimizer_seconds", "step_seconds", "gflops", "gemm_share"), keys);
        assertEquals("summary", summary.get("kind").textValue());
        assertEquals("[[40,10],[0,50]]", summary.get("test_confusion_matrix").toString());
        assertEquals("abc", summary.get("parameters_sha256").textValue());
        run.close();
        assertEquals(4, lines().size());
    }

    @Test
    void shouldGiveAFolderToOneOfSeveralRunsThatFindItEmpty() {
        for (int round = 0; round < 20; round++) {
            Path shared = folder.resolve("shared-" + round);
            long winners = IntStream.range(0, 4).parallel().filter(i -> {
                try {
                    create(shared).close();
                    return true;
                } catch (InvalidInputException e) {
                    assertEquals("--output " + shared + ": the folder is not empty; name another or remove it",
                            e.getMessage());
                    return false;
                }
            }).count();
            assertEquals(1, winners);
        }
    }

    @Test
    void shouldStopWhenItsFolderIsGone() throws Exception {
        Path output = folder.resolve("out");
        RunFolder run = create(output);
        Files.move(output, folder.resolve("elsewhere"));
        EpochMetrics epoch = new EpochMetrics(1, 1, 1, 1, Optional.empty(), 1, 1, Optional.empty());
        assertEquals("the run's folder " + output + " was moved or removed while training; its metrics are lost",
                assertThrows(TrainingException.class, () -> run.epochDone(epoch)).getMessage());
        run.close();
    }

    @Test
    void shouldRefuseAFolderThatIsNotEmpty() throws Exception {
        Files.writeString(folder.resolve("precious"), "text");
        refused(folder, "--output " + folder + ": the folder is not empty; name another or remove it");
        assertEquals("text", Files.readString(folder.resolve("precious")));
    }

    @Test
    void shouldRefuseAFolderThatCannotBeWritten() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "text");
        String remedy = "); name another with --output";
        refused(file, "the output folder " + file + " cannot be written (a file of that name is in the way: " + file + remedy);
        Path below = file.resolve("below");
        refused(below, "the output folder " + below + " cannot be written (");
        Path proc = Path.of("/proc/lockstep/out");
        refused(proc, "the output folder " + proc + " cannot be written (no such file or folder: ");
        Path full = folder.resolve("dangling");
        Files.createSymbolicLink(full, folder.resolve("nowhere/at/all"));
        refused(full, "the output folder " + full + " cannot be written (");
    }

    @Test
    void shouldCutTheMetricsBackToTheCheckpoint() throws Exception {
        Path output = folder.resolve("out");
        String[] lines = {"{\"kind\":\"step\",\"step\":4}", "{\"kind\":\"epoch\",\"epoch\":1,\"step\":4}",
            "{\"kind\":\"step\",\"step\":6}", "{\"kind\":\"step\",\"step\":8}", "{\"kind\":\"epoch\",\"epoch\":2,\"step\":8}",
            "{\"kind\":\"summary\"}"};
        String whole = String.join("\n", lines) + "\n";
        cut(whole, position(1, 32, 4, 0), 1);
        cut(whole, position(2, 0, 4, 0), 2);
        cut(whole, position(2, 16, 6, 0), 3);
        cut(whole, position(2, 32, 8, 0), 4);
        cut(whole, position(3, 0, 8, 0), 5);
        cut(whole, Position.START, 0);
        // Killed while it was writing a line.
        cut(whole.substring(0, whole.indexOf("6}") + 1), position(2, 32, 8, 0), 2);
        cut(whole.replace("{\"kind\":\"step\",\"step\":6}", "{\"kind\":\"st"), position(3, 0, 8, 0), 2);
        cut("", position(3, 0, 8, 0), 0);
        assertEquals(JOB, JobFile.load(output.resolve("config.yaml"), List.of()));
    }

    /** A confusion matrix of many classes takes as much. */
    @Test
    void shouldCutTheMetricsWhateverTheLengthOfALine() throws Exception {
        String matrix = "[" + "[0,1],".repeat(12_000) + "[1,0]]";
        String whole = """
                {"kind":"step","step":4}
                {"kind":"epoch","epoch":1,"step":4,"test_confusion_matrix":%1$s}
                {"kind":"step","step":6}
                {"kind":"summary","test_confusion_matrix":%1$s}
                """.formatted(matrix);
        cut(whole, position(2, 16, 6, 0), 3);
        cut(whole, position(2, 0, 4, 0), 2);
        assertTrue(lacksSummary(whole.substring(0, whole.length() - 9)));
        assertFalse(lacksSummary(whole));
    }

    private static Position position(int epoch, long consumed, long step, long validatedStep) {
        return new Position(epoch, consumed, step, Position.Sums.NONE,
                new ValidationProgress("loss", validatedStep, 1, validatedStep, "", 1, 0));
    }

    /** A validation of a step comes before the step's checkpoint, one of an epoch behind that of its last step. */
    @Test
    void shouldKeepTheValidationsThatTheCheckpointKnowsOf() throws Exception {
        String whole = """
                {"kind":"step","step":3}
                {"kind":"validation","epoch":1,"step":3,"validation_loss":1.5}
                {"kind":"step","step":4}
                {"kind":"validation","epoch":1,"step":4,"validation_loss":1.25}
                {"kind":"epoch","epoch":1,"step":4}
                """;
        cut(whole, position(1, 24, 3, 0), 1);
        cut(whole, position(1, 24, 3, 3), 2);
        cut(whole, position(1, 32, 4, 3), 3);
        cut(whole, position(1, 32, 4, 4), 4);
        cut(whole, position(2, 0, 4, 4), 5);
    }

    private void cut(String metrics, Position start, int keptLines) throws IOException {
        Path output = Files.createDirectories(folder.resolve("out"));
        Files.writeString(output.resolve("metrics.jsonl"), metrics);
        RunFolder run = RunFolder.resume(output, JOB, Map.of(), start);
        run.stepLogged(99, 0.5, 1);
        run.close();
        List<String> expected = new ArrayList<>(metrics.lines().limit(keptLines).toList());
        expected.add("{\"kind\":\"step\",\"step\":99,\"loss\":0.5,\"learning_rate\":1.0}");
        assertEquals(expected, lines());
    }

    @Test
    void shouldNotGoOnInAFolderThatAnotherRunWritesToOrThatHoldsSomethingElse() throws Exception {
        Path output = folder.resolve("out");
        RunFolder run = RunFolder.resume(output, JOB, Map.of(), Position.START);
        run.stepLogged(1, 0.5, 1);
        assertEquals("another run is writing to " + output + "; wait for its end or name another --output",
                assertThrows(InvalidInputException.class,
                        () -> RunFolder.resume(output, JOB, Map.of(), Position.START)).getMessage());
        run.close();
        assertEquals(1, lines().size());
        Files.writeString(folder.resolve("precious"), "text");
        assertEquals("--resume: " + folder + " holds files, but no run; name another --output",
                assertThrows(InvalidInputException.class,
                        () -> RunFolder.resume(folder, JOB, Map.of(), Position.START)).getMessage());
    }

    private static RunFolder create(Path output) {
        return RunFolder.create(JOB, Optional.of(output), new TreeMap<>(Map.of("mpi", "Open MPI 4.1.4", "ranks", List.of(1, 2))));
    }

    private static void refused(Path output, String start) {
        String message = assertThrows(InvalidInputException.class, () -> create(output)).getMessage();
        assertTrue(message.startsWith(start), message);
        assertTrue(message.lines().count() == 1 && message.contains("; name another"), message);
    }

    private List<String> lines() throws IOException {
        return Files.readAllLines(folder.resolve("out/metrics.jsonl"));
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Validation, early stopping and the best checkpoint as a user meets them. */
class ValidationIT {
    /** Steps so small that no validation is better than the first by the delta. */
    private static final String[] STANDSTILL = {"train", "small.yaml", "--output", "run", "--resume",
        "--set", "data.validation={format: idx, images: test-images.gz, labels: test-labels}", "--set",
        "optimizer.sgd.lr=1e-9", "--set", "train.epochs=50", "--set", "checkpoint.keep=1", "--set",
        "validation={every-steps: 4, keep-best: true, early-stopping: {patience: 3, min-delta: 0.01}}"};

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws Exception {
        SmallJob.write(folder);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void shouldStopEarlyOnAllRanksAndKeepTheBest(int ranks) throws Exception {
        ProcessRun.Result run = Lockstep.ranks(ranks, STANDSTILL).directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        List<JsonNode> validations = Lockstep.metrics(folder.resolve("run"), "validation");
        // Of 8 or 5 steps an epoch: each fourth, and the last of the first epoch.
        assertEquals(ranks == 2 ? List.of(4, 8, 12, 16) : List.of(4, 5, 8, 10),
                validations.stream().map(line -> line.get("step").asInt()).toList());
        assertTrue(run.stdout().contains(": kept as checkpoints/best; stopped early, as none of the last 3 was better by more than"
                + " 0.01\n"), run::toString);
        JsonNode summary = Lockstep.metrics(folder.resolve("run"), "summary").get(0);
        assertTrue(summary.get("stopped_early").asBoolean(), summary::toString);
        double best = validations.stream().mapToDouble(line -> line.get("validation_loss").asDouble()).min().orElseThrow();
        assertEquals(best, summary.get("best_validation_loss").asDouble());
        assertEquals(0, summary.get("steps").asInt() - validations.get(3).get("step").asInt());

        ProcessRun.Result evaluated = Lockstep.ranks(ranks, "evaluate", "run/checkpoints/best", "--split", "validation",
                "--json").directory(folder).run();
        assertEquals(0, evaluated.exitStatus(), evaluated::toString);
        JsonNode evaluation = new ObjectMapper().readTree(evaluated.stdout());
        assertEquals(best, evaluation.get("loss").asDouble());
        assertEquals(summary.get("best_step"), evaluation.get("step"));

        String metrics = Files.readString(folder.resolve("run/metrics.jsonl"));
        ProcessRun.Result again = Lockstep.ranks(ranks, STANDSTILL).directory(folder).run();
        assertEquals(0, again.exitStatus(), again::toString);
        assertEquals("nothing is left to train: early stopping has ended it after step " + summary.get("steps")
                + "; raise validation.early-stopping.patience, or leave early-stopping out, to go on\n", again.stdout());
        assertEquals(metrics, Files.readString(folder.resolve("run/metrics.jsonl")));
    }

    /** In the midst of an epoch, where it is killed before it writes what the epoch came to. */
    @Test
    void shouldMakeUpForTheLastLinesOfARunThatWasStoppedEarly() throws Exception {
        String[] words = STANDSTILL.clone();
        words[words.length - 1] = "validation={every-epochs: 0, every-steps: 3,"
                + " early-stopping: {patience: 3, min-delta: 0.01}}";
        assertEquals(0, Lockstep.ranks(2, words).directory(folder).run().exitStatus());
        Path metrics = folder.resolve("run/metrics.jsonl");
        List<String> lines = Files.readAllLines(metrics);
        JsonNode epoch = Lockstep.metrics(folder.resolve("run"), "epoch").get(1);
        JsonNode summary = Lockstep.metrics(folder.resolve("run"), "summary").get(0);
        assertEquals(12, epoch.get("step").asInt(), "of 16");
        Files.write(metrics, lines.subList(0, lines.size() - 2));

        ProcessRun.Result again = Lockstep.ranks(2, words).directory(folder).run();
        assertEquals(0, again.exitStatus(), again::toString);
        assertTrue(again.stdout().startsWith("nothing is left to train but the last lines of metrics.jsonl: early stopping"),
                again::toString);
        assertEquals(lines.subList(0, lines.size() - 2), Files.readAllLines(metrics).subList(0, lines.size() - 2));
        assertEquals(lines.size(), Files.readAllLines(metrics).size());
        JsonNode madeEpoch = Lockstep.metrics(folder.resolve("run"), "epoch").get(1);
        for (String key : List.of("epoch", "step", "train_loss", "learning_rate", "test_loss", "test_accuracy")) {
            assertEquals(epoch.get(key), madeEpoch.get(key), key);
        }
        JsonNode made = Lockstep.metrics(folder.resolve("run"), "summary").get(0);
        for (String key : List.of("epochs", "steps", "train_loss", "test_loss", "best_validation_loss", "best_step",
                "stopped_early", "parameters_sha256")) {
            assertEquals(summary.get(key), made.get(key), key);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"train", "validate"})
    void shouldWarnWhereNothingWillBeValidated(String command) {
        ProcessRun.Result run = Lockstep.ranks(2, command, "small.yaml", "--set",
                "data.validation={format: idx, images: test-images.gz, labels: test-labels}", "--set",
                "validation={every-epochs: 3, keep-best: true}").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stderr().contains("lockstep: warning: nothing will be validated: validation.every-epochs is 3, and"
                + " training ends after 2 epochs; lower it, train for longer, or leave data.validation out\n"),
                run::toString);
    }

    @Test
    void shouldSayThatThereIsNothingToValidateOn() {
        ProcessRun.Result run = Lockstep.ranks(2, "train", "small.yaml", "--set", "validation={monitor: accuracy}")
                .directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: --set validation={monitor: accuracy}: 'validation' needs data to validate on;"
                + " name it with 'data.validation'"), Lockstep.errors(run));
    }
}

package dev.lockstep.train;

import static dev.lockstep.train.ValidatedTraining.job;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.job.Job;
import dev.lockstep.job.MetricConfig;
import dev.lockstep.testing.MemoryFolder;
import dev.lockstep.train.ValidatedTraining.Heard;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Validation while training, with what follows from it. An epoch has four steps on two ranks. */
class ValidationTest {
    /** At this rate nothing becomes better by more than a thousandth. */
    private static final String NO_PROGRESS = "optimizer.sgd={lr: 1e-9}";

    @TempDir(factory = MemoryFolder.class)
    private Path folder;

    private Heard train(int ranks, Job job) {
        return ValidatedTraining.run(ranks, job, folder);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void shouldValidateEveryEpochOnEachSampleOnce(int ranks) {
        Heard heard = train(ranks, job("data.test={format: synthetic, samples: 13, features: 6, classes: 3, seed: 3}"));
        assertEquals(2, heard.validations.size());
        for (int epoch = 1; epoch <= 2; epoch++) {
            ValidationMetrics validated = heard.validations.get(epoch - 1);
            EpochMetrics metrics = heard.epochs.get(epoch - 1);
            assertEquals(epoch, validated.epoch());
            assertEquals(metrics.step(), validated.step());
            assertEquals(13, validated.evaluation().samples());
            assertEquals(metrics.test().orElseThrow(), validated.evaluation(), "the same data as the test's");
        }
        assertTrue(heard.validations.get(0).isBest());
    }

    @Test
    void shouldValidateEverySoManyStepsAndEachStepOnce() {
        assertEquals(List.of(2L, 4L, 6L, 8L), train(2, job("validation={every-steps: 2}")).validatedSteps());
    }

    @Test
    void shouldValidateBetweenSteps() {
        assertEquals(List.of(3L, 4L, 6L, 8L), train(2, job("validation={every-steps: 3}")).validatedSteps());
    }

    @Test
    void shouldNotValidateEpochsThatAreNotAskedFor() {
        assertEquals(List.of(3L, 6L), train(2, job("validation={every-epochs: 0, every-steps: 3}")).validatedSteps());
    }

    @Test
    void shouldValidateEverySecondEpoch() {
        assertEquals(List.of(8L), train(2, job("validation={every-epochs: 2}", "train.epochs=3")).validatedSteps());
    }

    /** It does not touch what is trained. */
    @Test
    void shouldTrainTheSameWithAndWithoutValidation() {
        Heard with = ValidatedTraining.run(2, job("validation={every-steps: 1}"), folder.resolve("with"));
        Heard without = ValidatedTraining.run(2, SmallJobs.job(), folder.resolve("without"));
        assertEquals(with.summary.parametersSha256(), without.summary.parametersSha256());
        assertEquals(List.of(), without.validations);
        assertEquals(Optional.empty(), without.summary.validation());
    }

    @Test
    void shouldStopEarlyAfterAnEpoch() {
        Heard heard = train(2, job(NO_PROGRESS, "train.epochs=20",
                "validation={early-stopping: {patience: 3, min-delta: 0.001}}"));
        // The first is better than none, and the next three are no better than it.
        assertEquals(List.of(4L, 8L, 12L, 16L), heard.validatedSteps());
        assertEquals(4, heard.epochs.size());
        assertEquals(List.of("epoch-0004"), heard.checkpoints);
        Validation.Summary summary = heard.summary.validation().orElseThrow();
        assertTrue(summary.stoppedBy().isPresent());
        assertEquals("loss", summary.monitor());
        assertFalse(heard.summary.parametersSha256().isEmpty());
        Position end = Checkpoint.openWhole(RunFolder.checkpoints(folder).resolve("epoch-0004")).state().position();
        assertEquals(3, end.validation().notBetter());
        assertEquals(5, end.epoch());
    }

    /** Writing it again would first remove it. */
    @Test
    void shouldNotWriteTheCheckpointOfTheLastStepTwice() {
        Job job = job(NO_PROGRESS, "checkpoint={every-steps: 2, keep: 1}",
                "validation={every-epochs: 0, every-steps: 3, early-stopping: {min-delta: 0.001, patience: 1}}");
        Heard heard = train(2, job);
        assertEquals(List.of("step-00000002", "step-00000004", "step-00000006"), heard.checkpoints);
        Heard again = train(2, job);
        assertEquals(List.of(), again.checkpoints);
        assertEquals(heard.summary.parametersSha256(), again.summary.parametersSha256());
    }

    @Test
    void shouldStopEarlyWithinAnEpochAndGoOnThereIfPatienceGrows() throws IOException {
        String validation = "validation={every-epochs: 0, every-steps: 3, early-stopping: {min-delta: 0.001, patience: ";
        Heard heard = train(2, job(NO_PROGRESS, validation + "1}}"));
        assertEquals(List.of(3L, 6L), heard.validatedSteps());
        assertEquals(List.of("step-00000006"), heard.checkpoints);
        assertEquals(6, heard.summary.steps());
        // The second epoch's line is of the two steps that were done.
        assertEquals(List.of(4L, 6L), heard.epochs.stream().map(EpochMetrics::step).toList());
        assertTrue(heard.summary.validation().orElseThrow().stoppedBy().isPresent());
        Position position = Checkpoint.openWhole(RunFolder.checkpoints(folder).resolve("step-00000006")).state().position();
        assertEquals(new Position(2, 32, 6, position.sums(), position.validation()), position);
        assertTrue(Validation.hasEnded(job(validation + "1}}"), position.validation()));
        Job patient = job(NO_PROGRESS, validation + "2}}");
        assertFalse(Validation.hasEnded(patient, position.validation()));

        Heard more = train(2, patient);
        assertEquals(List.of("epoch-0002"), more.checkpoints);
        assertEquals(8, more.summary.steps());
        assertFalse(more.summary.validation().orElseThrow().stoppedBy().isPresent());
        JsonNode state = new ObjectMapper().readTree(
                RunFolder.checkpoints(folder).resolve("epoch-0002/state.json").toFile()).get("validation");
        assertEquals(6, state.get("step").asLong());
        assertEquals(1, state.get("not_better").asInt());
    }

    @Test
    void shouldMonitorTheAccuracy() {
        Heard heard = train(1, job("train.epochs=4", "validation={monitor: accuracy}"));
        Validation.Summary summary = heard.summary.validation().orElseThrow();
        assertEquals("accuracy", summary.monitor());
        assertEquals(heard.validations.stream()
                .mapToDouble(each -> each.evaluation().metrics().get(new MetricConfig.Accuracy())).max().orElseThrow(),
                summary.best());
        assertEquals(Optional.empty(), summary.kept());
        assertEquals(List.of("best_validation_accuracy", "best_step", "stopped_early"),
                List.copyOf(summary.toMap().keySet()));
    }

    /** Also where a training without validation lies between, whose job knows of no monitor. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldLookForTheBestAnewWithAnotherMonitor(boolean interimRun) {
        train(2, job(NO_PROGRESS, "validation={keep-best: true, early-stopping: {patience: 1, min-delta: 0.001}}"));
        if (interimRun) {
            train(2, SmallJobs.job(NO_PROGRESS, "train.epochs=3"));
        }
        Job job = job(NO_PROGRESS, "train.epochs=5",
                "validation={monitor: accuracy, keep-best: true, early-stopping: {patience: 9}}");
        Resumption found = Resumption.find(folder, job, 2, 50, warning -> { });
        assertTrue(found.notices().contains("validation.monitor is accuracy, not loss: the best validation is looked for"
                + " anew"),
                () -> "" + found.notices());
        assertFalse(Validation.hasEnded(job, found.checkpoint().orElseThrow().state().position().validation()));

        Heard heard = train(2, job);
        assertTrue(heard.validations.get(0).isBest());
        Validation.Summary summary = heard.summary.validation().orElseThrow();
        assertEquals("accuracy", summary.monitor());
        assertEquals(heard.validations.stream()
                .mapToDouble(each -> each.evaluation().metrics().get(new MetricConfig.Accuracy())).max().orElseThrow(),
                summary.best());
        assertTrue(summary.kept().isPresent());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{every-epochs: 2}                  | ''",
        "{every-epochs: 0, every-steps: 8}  | ''",
        "{every-epochs: 3, every-steps: 8}  | ''",
        "{every-epochs: 3, keep-best: true} | nothing will be validated: validation.every-epochs is 3, and training ends after 2"
                + " epochs; lower it, train for longer, or leave data.validation out",
        "{every-epochs: 0, every-steps: 9}  | nothing will be validated: validation.every-steps is 9, and training ends after 8"
                + " steps; lower it, train for longer, or leave data.validation out",
        "{every-epochs: 3, every-steps: 9}  | nothing will be validated: validation.every-epochs is 3, validation.every-steps is"
                + " 9, and training ends after 2 epochs and 8 steps; lower one, train for longer, or leave data.validation out",
    })
    void shouldSayWhereNothingWillBeValidated(String validation, String expected) {
        Job job = job("validation=" + validation);
        assertEquals(expected, Validation.never(job, Position.START, 8).orElse(""));
        assertEquals(expected.isEmpty(), !train(2, job).validations.isEmpty());
        assertEquals(Optional.empty(), Validation.never(job, at(2, 0, 4,
                ValidationProgress.NONE.with("loss", 3, 1, false, 0, "")), 8), "it has been");
        assertEquals(Optional.empty(), Validation.never(SmallJobs.job(), Position.START, 8));
    }

    /** The whole run may have seen a validation's step before there was one. */
    @Test
    void shouldSayThatNothingIsValidatedInWhatIsLeft() {
        Job job = job("validation={every-epochs: 0, every-steps: 3}");
        assertEquals(Optional.empty(), Validation.never(job, at(2, 16, 5, ValidationProgress.NONE), 8));
        assertTrue(Validation.never(job, at(2, 32, 6, ValidationProgress.NONE), 8).isPresent());
    }

    @Test
    void shouldSayThatNothingIsValidatedWithAnotherMonitor() {
        Position start = at(8, 0, 28, ValidationProgress.NONE.with("accuracy", 28, 0.5, true, 0, ""));
        String validation = "validation={every-epochs: 5, every-steps: 30, monitor: ";
        assertEquals(Optional.empty(), Validation.never(job("train.epochs=8", validation + "accuracy}"), start, 29));
        assertEquals("nothing will be validated: validation.every-epochs is 5, validation.every-steps is 30, and training"
                + " ends after 8 epochs (7 of them done) and 29 steps (28 of them done); lower one, train for longer, or"
                + " leave data.validation out",
                Validation.never(job("train.epochs=8", validation + "loss}"), start, 29).orElse(""));
    }

    private static Position at(int epoch, long consumed, long step, ValidationProgress validation) {
        return new Position(epoch, consumed, step, Position.Sums.NONE, validation);
    }

    @Test
    void shouldGoOnWithOtherValidationsOfTheSameMonitor() {
        train(2, job());
        Job job = job("validation={every-steps: 7, early-stopping: {patience: 1}, keep-best: true}");
        assertEquals(List.of("the best validation, after step 8, was not kept; until one is better, there is no"
                + " checkpoints/best"),
                Resumption.find(folder, job, 2, 50, warning -> { }).notices().subList(1, 2));
        assertEquals(1, Resumption.find(folder, SmallJobs.job(), 2, 50, warning -> { }).notices().size());
    }
}

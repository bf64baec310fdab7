package dev.lockstep.train;

import static dev.lockstep.train.ValidatedTraining.job;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.RankThreads;
import dev.lockstep.train.ValidatedTraining.Heard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code validation.keep-best} keeps, and where {@code checkpoints/best} leads. */
class BestCheckpointTest {
    @TempDir
    private Path folder;

    private Heard train(int ranks, Job job) {
        return ValidatedTraining.run(ranks, job, folder);
    }

    /** At this rate the loss goes up and down. */
    @Test
    void shouldKeepTheBestCheckpoint() throws IOException {
        Heard heard = train(2, job("optimizer.sgd={lr: 3, momentum: 0}", "train.epochs=8", "checkpoint.keep=1",
                "validation={every-steps: 3, keep-best: true}"));
        ValidationMetrics best = heard.validations.stream()
                .min(Comparator.comparingDouble(validated -> validated.evaluation().loss())).orElseThrow();
        Validation.Summary summary = heard.summary.validation().orElseThrow();
        assertEquals(best.step(), summary.bestStep());
        assertEquals(best.evaluation().loss(), summary.best());
        assertTrue(best.step() < heard.summary.steps(), "the last is not the best");
        Path link = RunFolder.checkpoints(folder).resolve("best");
        assertEquals(summary.kept().orElseThrow(), Files.readSymbolicLink(link).toString());
        Checkpoint kept = Checkpoint.openWhole(link);
        assertEquals(best.step(), kept.state().position().step());
        assertTrue(heard.checkpoints.contains(summary.kept().get()));
        assertEquals(summary.best(), validationLoss(kept));
    }

    private static double validationLoss(Checkpoint checkpoint) {
        Job job = checkpoint.state().parseJob(checkpoint.folder(), List.of());
        double[] loss = new double[2];
        RankThreads.run(2, ValidatedTraining.LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                CheckpointEvaluator evaluator = new CheckpointEvaluator(device, communicator, job,
                        SmallJobs.sources(job, 2).load(device).validation().orElseThrow());
                if (communicator.rank() == 0) {
                    evaluator.read(checkpoint);
                }
                loss[communicator.rank()] = evaluator.evaluate().loss();
            }
        });
        assertEquals(loss[0], loss[1]);
        return loss[0];
    }

    @Test
    void shouldKeepTheBestThroughATrainingWithoutValidation() throws Exception {
        String keepOne = "checkpoint.keep=1";
        train(2, job("validation={keep-best: true}", keepOne, "optimizer.sgd.lr=0.5"));
        Path best = RunFolder.checkpoints(folder).resolve("best");
        Path kept = best.toRealPath();
        Heard without = train(2, SmallJobs.job("train.epochs=4", keepOne, "optimizer.sgd.lr=0.5"));
        assertEquals(Optional.empty(), without.summary.validation());
        assertEquals(kept, best.toRealPath());
        ValidationProgress progress = CheckpointFolder.newestWhole(RunFolder.checkpoints(folder), new ArrayList<>())
                .orElseThrow().state().position().validation();
        assertEquals(kept.getFileName().toString(), progress.bestCheckpoint());
        assertTrue(progress.step() > 0);
        // Not kept any more, whatever becomes the best; the link goes on leading to what it led to.
        train(2, job("train.epochs=6", keepOne));
        assertEquals(kept, best.toRealPath());
    }

    @Test
    void shouldNotSayThatTheBestIsKeptWhereItIsNot() {
        train(2, job());
        Heard resumed = train(2, job("validation={keep-best: true}", "optimizer.sgd.lr=30", "train.epochs=3"));
        Validation.Summary summary = resumed.summary.validation().orElseThrow();
        assertEquals(List.of(false), resumed.validations.stream().map(ValidationMetrics::isBest).toList());
        assertEquals(Optional.empty(), summary.kept());
    }

    /** A better one that was not kept has no name; the link goes on leading to the one that was. */
    @ParameterizedTest
    @ValueSource(strings = {"loss", "accuracy"})
    void shouldNotTakeTheKeptOneForABetterOneThatWasNotKept(String monitor) throws IOException {
        train(2, job("validation={keep-best: true}", "checkpoint.keep=1"));
        Path best = RunFolder.checkpoints(folder).resolve("best");
        Path kept = best.toRealPath();
        Heard off = train(2, job("validation.monitor=" + monitor, "train.epochs=4", "checkpoint.keep=1"));
        Heard on = train(2, job("validation={keep-best: true, monitor: " + monitor + "}", "train.epochs=5",
                "checkpoint.keep=1", "optimizer.sgd.lr=30"));
        assertEquals(List.of(false), on.validations.stream().map(ValidationMetrics::isBest).toList());
        Validation.Summary summary = on.summary.validation().orElseThrow();
        assertEquals(off.summary.validation().orElseThrow().bestStep(), summary.bestStep());
        assertTrue(summary.bestStep() > 8, "after the first training");
        assertEquals(Optional.empty(), summary.kept());
        assertEquals(kept, best.toRealPath());
    }

    @Test
    void shouldSayThatTheBestWasNotKept() throws IOException {
        String keepOne = "checkpoint.keep=1";
        Job keeping = job("validation={keep-best: true}", keepOne);
        train(2, keeping);
        assertEquals(List.of(), bestNotKept(keeping), "it was");
        Heard off = train(2, job("train.epochs=4", keepOne));
        assertEquals(16, off.summary.validation().orElseThrow().bestStep());
        assertEquals(List.of("the best validation, after step 16, was not kept; until one is better, checkpoints/best is an"
                + " older one"), bestNotKept(keeping));
        Files.delete(RunFolder.checkpoints(folder).resolve("best"));
        assertEquals(List.of("the best validation, after step 16, was not kept; until one is better, there is no"
                + " checkpoints/best"), bestNotKept(keeping));
        assertEquals(List.of(), bestNotKept(job()), "it is not to be");
        assertEquals(List.of(), bestNotKept(job("validation={keep-best: true, monitor: accuracy}")), "it is of another");
        assertEquals(List.of(), bestNotKept(SmallJobs.job()), "nothing is validated");
    }

    private List<String> bestNotKept(Job job) {
        return Resumption.find(folder, job, 2, 50, warning -> { }).notices().stream()
                .filter(notice -> notice.startsWith("the best validation")).toList();
    }

    /** As after a kill between the last checkpoint and its link; after an epoch, and within one. */
    @ParameterizedTest
    @ValueSource(strings = {"{keep-best: true}",
        "{keep-best: true, every-epochs: 0, every-steps: 3, early-stopping: {patience: 1, min-delta: 100}}"})
    void shouldLinkToTheBestWhereNothingIsLeftToTrain(String validation) throws IOException {
        Job job = job("validation=" + validation);
        Heard heard = train(2, job);
        String kept = heard.summary.validation().orElseThrow().kept().orElseThrow();
        assertEquals(List.of(heard.checkpoints.get(0), kept), heard.checkpoints);
        Path best = RunFolder.checkpoints(folder).resolve("best");
        Files.delete(best);
        Files.createSymbolicLink(best, Path.of(heard.checkpoints.get(0)));
        int left = kept.startsWith("step") ? 1 : 0;
        Heard again = ValidatedTraining.run(2, job, folder, heard.epochs.subList(0, 2 - left));
        assertEquals(List.of(), again.checkpoints);
        assertEquals(Path.of(kept), Files.readSymbolicLink(best));
    }
}

package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.MemoryFolder;
import dev.lockstep.testing.RankThreads;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongPredicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that is stopped and resumed ends as one that never was. */
class ResumeTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String TEST_DATA = "data.test={format: synthetic, samples: 11, features: 6, classes: 3, seed: 2}";
    private static final String VALIDATION_DATA =
            "data.validation={format: synthetic, samples: 13, features: 6, classes: 3, seed: 3}";

    private static final String NORMED = "model=[batch-norm, {linear: {in: 6, out: 5}}, sync-batch-norm, relu,"
            + " {dropout: 0.3}, {residual: [layer-norm, {linear: {in: 5, out: 5}}, {dropout: 0.1}]}, {linear: {in: 5, out: 3}}]";
    /** Takes last batches of one sample on each rank. */
    private static final String SYNCHRONIZED = "model=[{linear: {in: 6, out: 5}}, sync-batch-norm, {dropout: 0.5}, gelu,"
            + " {linear: {in: 5, out: 3}}]";

    @TempDir(factory = MemoryFolder.class)
    private Path folder;

    /** What rank 0 has at the end of a run. */
    private record End(float[] parameters, List<double[]> buffers, List<float[]> optimizerState, long steps, String hash,
            List<EpochMetrics> epochs, Optional<Validation.Summary> validation) {
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "1", "2", "3", "3 train.drop-last=true", "2 train.shuffle=false", "2 optimizer.sgd.momentum=0",
        "2 optimizer.sgd={lr: 0.1, momentum: 0.9, weight-decay: 0.01, nesterov: true}", "1 train.batch-size=50",
        "2 optimizer.adam={lr: 0.01, weight-decay: 0.01}", "1 optimizer.adamw={lr: 0.01}",
        "2 schedule={warmup-epochs: 1, step: {every-epochs: 1}, scale-lr: linear}",
        "2 schedule={warmup-steps: 3, cosine: {steps: 9}}",
        "2 distributed={first-bucket: 64B, bucket: 64B, chunk: 64B}", "3 seed=7",
        "2 train={epochs: 3, batch-size: 8, clip-norm: 0.2, clip-value: 0.1}",
        "2 validation={every-steps: 3, keep-best: true, early-stopping: {patience: 9}}",
        "1 train={epochs: 3, batch-size: 4, accumulate: 3}", "2 train={epochs: 3, batch-size: 3, accumulate: 4}",
        "3 train={epochs: 3, global-batch: 18, accumulate: 3, drop-last: true}",
        "1 " + NORMED, "2 train.batch-size=7 " + NORMED, "3 train.batch-size=6 " + NORMED,
        "2 train.shuffle=false " + SYNCHRONIZED, "1 train={epochs: 3, batch-size: 4, accumulate: 3} " + NORMED
    })
    void shouldEndBitForBitAsARunThatWasNeverStopped(String ranksAndSet) throws Exception {
        String[] words = ranksAndSet.split(" (?=[a-z.-]+=)");
        int ranks = Integer.parseInt(words[0]);
        Job job = SmallJobs.job(Stream.concat(Stream.of("train.epochs=3", TEST_DATA, VALIDATION_DATA),
                Stream.of(words).skip(1)).toList());
        End whole = train(job, ranks, folder.resolve("whole"), step -> false).orElseThrow();
        long stepsPerEpoch = whole.steps / 3;
        for (long stop = 1; stop <= whole.steps; stop++) {
            long last = stop;
            Path run = folder.resolve("stopped-" + stop);
            assertTrue(train(job, ranks, run, step -> step == last).isEmpty());
            End resumed = train(job, ranks, run, step -> false).orElseThrow();
            assertArrayEquals(whole.parameters, resumed.parameters, "stopped after step " + stop);
            for (int i = 0; i < whole.buffers.size(); i++) {
                assertArrayEquals(whole.buffers.get(i), resumed.buffers.get(i), "stopped after step " + stop);
            }
            for (int i = 0; i < whole.optimizerState.size(); i++) {
                assertArrayEquals(whole.optimizerState.get(i), resumed.optimizerState.get(i));
            }
            assertEquals(whole.hash, resumed.hash);
            assertEquals(whole.steps, resumed.steps);
            assertEquals(whole.validation, resumed.validation);
            List<EpochMetrics> expected = whole.epochs.subList((int) ((stop - 1) / stepsPerEpoch), 3);
            assertEquals(expected.size(), resumed.epochs.size());
            for (int i = 0; i < expected.size(); i++) {
                assertEquals(expected.get(i).trainLoss(), resumed.epochs.get(i).trainLoss(), 1e-12);
                assertEquals(expected.get(i).learningRate(), resumed.epochs.get(i).learningRate());
                assertEquals(expected.get(i).test(), resumed.epochs.get(i).test());
                assertEquals(expected.get(i).step(), resumed.epochs.get(i).step());
                assertTrue(Double.isFinite(resumed.epochs.get(i).samplesPerSecond()));
            }
        }
    }

    /** Each time from where the last one came to. */
    @Test
    void shouldBearBeingStoppedAtEveryStep() throws Exception {
        Job job = SmallJobs.job("train.epochs=2");
        End whole = train(job, 2, folder.resolve("whole"), step -> false).orElseThrow();
        Path run = folder.resolve("stopped");
        for (int i = 0; i < whole.steps; i++) {
            assertTrue(train(job, 2, run, step -> true).isEmpty());
        }
        assertEquals(whole.hash, train(job, 2, run, step -> true).orElseThrow().hash);
    }

    @Test
    void shouldGoOnWithTheEpochWhereTheNumberOfRanksChanges() throws Exception {
        Job job = SmallJobs.job("train.epochs=2", "train.batch-size=4", "schedule.scale-lr=linear");
        Path run = folder.resolve("run");
        assertTrue(train(job, 2, run, step -> step == 3).isEmpty());
        Resumption found = Resumption.find(run, job, 3, 50, warning -> { });
        assertEquals(List.of("from " + run.resolve("checkpoints/step-00000003") + ": 3 steps are done, 0 of 2 epochs",
                "with 3 ranks, not 2: the 26 samples left of epoch 1 are dealt out anew, none twice; the global batch is 12,"
                        + " not 8; learning rates are scaled by 3, not 2"),
                found.notices());
        End end = train(job, 3, run, step -> false).orElseThrow();
        // 24 of 50 samples are done; each rank gets 9 of the other 26 and padding: three steps; then 17 each: five.
        assertEquals(3 + 3 + 5, end.steps);
        assertEquals(2, end.epochs.size());
    }

    @Test
    void shouldGoOnWithWholeStepsWhereMicroBatchesAreAccumulated() throws Exception {
        Job job = SmallJobs.job("train.epochs=1", "train.batch-size=2", "train.accumulate=3");
        Path run = folder.resolve("run");
        assertTrue(train(job, 2, run, step -> step == 2).isEmpty());
        Resumption found = Resumption.find(run, job, 3, 50, warning -> { });
        assertEquals("with 3 ranks, not 2: the 26 samples left of epoch 1 are dealt out anew, none twice; the global batch is"
                + " 18, not 12", found.notices().get(1), "9 micro-batches do not divide 12");
        // Each rank gets 9 of the other 26 and padding: a full step of 6, and one of 3 in two micro-batches.
        assertEquals(2 + 2, train(job, 3, run, step -> false).orElseThrow().steps);
    }

    @Test
    void shouldSayWhichGlobalBatchWouldBeKept() throws Exception {
        Job job = SmallJobs.job("train.epochs=1", "train.batch-size=2", "train.accumulate=3");
        Path run = folder.resolve("run");
        train(job, 2, run, step -> false);
        assertEquals("with 4 ranks, not 2: the global batch is 24, not 12 (train.global-batch: 12 would keep it)",
                Resumption.find(run, job, 4, 50, warning -> { }).notices().get(1));
    }

    /** What it takes to come there again is no training. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldTellTheSecondsOfAnEpochThatHasNoStepLeft(int ranks) throws Exception {
        Job job = SmallJobs.job(TEST_DATA, VALIDATION_DATA, "optimizer.sgd.lr=1e-9",
                "validation={every-epochs: 0, every-steps: 3, early-stopping: {patience: 1, min-delta: 0.1}}");
        EpochMetrics stopped = train(job, ranks, folder, step -> false).orElseThrow().epochs.get(ranks - 1);
        Position.Sums sums = Resumption.find(folder, job, ranks, 50, warning -> { }).checkpoint().orElseThrow().state()
                .position().sums();
        assertEquals(stopped.seconds(), sums.seconds());
        EpochMetrics made = train(job, ranks, folder, step -> false).orElseThrow().epochs.get(0);
        assertEquals(stopped.step(), made.step());
        assertEquals(stopped.seconds(), made.seconds());
        assertEquals(stopped.samplesPerSecond(), made.samplesPerSecond());
    }

    @Test
    void shouldTakeTheWholeEpochsLossTogether() throws Exception {
        // The learning rate is so small that every sample's loss is that of the initial weights.
        Job job = SmallJobs.job("train.epochs=1", "train.batch-size=5", "optimizer.sgd.lr=1e-12");
        End whole = train(job, 1, folder.resolve("whole"), step -> false).orElseThrow();
        Path run = folder.resolve("run");
        train(job, 1, run, step -> step == 4);
        End resumed = train(job, 2, run, step -> false).orElseThrow();
        assertEquals(whole.epochs.get(0).trainLoss(), resumed.epochs.get(0).trainLoss(), 1e-6);
        assertEquals(50, resumed.epochs.get(0).samplesPerSecond() * resumed.epochs.get(0).seconds(), 1e-6);
    }

    /** Trains from the newest checkpoint in the folder; empty where it was stopped. */
    private static Optional<End> train(Job job, int ranks, Path run, LongPredicate stopAfter) {
        List<End> ends = new ArrayList<>();
        RankThreads.run(ranks, LIMIT, communicator -> {
            boolean first = communicator.rank() == 0;
            Resumption found = Resumption.find(run, job, ranks, SmallJobs.sources(job, ranks).train().info().samples(),
                    warning -> { });
            Optional<Checkpoint> checkpoint = found.checkpoint();
            communicator.barrier();
            List<EpochMetrics> epochs = new ArrayList<>();
            TrainingListener listener = new TrainingListener() {
                @Override
                public void epochDone(EpochMetrics metrics) {
                    epochs.add(metrics);
                }
            };
            try (Device device = new ReferenceDevice()) {
                Trainer trainer = new Trainer("test", job, SmallJobs.sources(job, ranks).load(device), device, communicator,
                        listener, checkpoint.map(from -> from.state().position()).orElse(Position.START));
                if (checkpoint.isPresent()) {
                    if (first) {
                        assertTrue(checkpoint.get().read(trainer.replica()));
                    }
                    trainer.replica().shareFromRank0(checkpoint.get().state().optimizerSteps());
                }
                Optional<TrainingSummary> summary = new TrainingRun(job, trainer, communicator, listener,
                        first ? Optional.of(RunFolder.checkpoints(run)) : Optional.empty(),
                        () -> stopAfter.test(trainer.step()), 0).run();
                if (first && summary.isPresent()) {
                    ends.add(new End(Buffers.readFloats(trainer.replica().parameters().values()),
                            trainer.replica().buffers().modelOrder().stream().map(buffer -> Buffers.read(buffer.values())).toList(),
                            new TreeMap<>(trainer.replica().optimizer().state()).values().stream().map(Buffers::readFloats).toList(),
                            trainer.step(), summary.get().parametersSha256(), epochs, summary.get().validation()));
                }
            }
        });
        return ends.stream().findFirst();
    }
}

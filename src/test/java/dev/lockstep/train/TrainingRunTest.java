package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.MemoryFolder;
import dev.lockstep.testing.RankThreads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir(factory = MemoryFolder.class)
    private Path folder;

    /** What rank 0 hears. */
    private static final class Heard implements TrainingListener {
        final List<EpochMetrics> epochs = new ArrayList<>();
        final List<String> checkpoints = new ArrayList<>();
        final List<TrainingSummary> summaries = new ArrayList<>();

        @Override
        public void epochDone(EpochMetrics metrics) {
            epochs.add(metrics);
        }

        @Override
        public void checkpointWritten(Path checkpoint) {
            checkpoints.add(checkpoint.getFileName().toString());
        }

        @Override
        public void trainingDone(TrainingSummary summary) {
            summaries.add(summary);
        }
    }

    @Test
    void shouldCheckpointTheEnd() throws Exception {
        assertEquals(List.of("epoch-0002"), run(2).checkpoints);
        JsonNode state = state("epoch-0002");
        assertEquals(2, state.get("epoch").intValue());
        assertEquals(8, state.get("step").intValue());
        assertEquals(2, state.get("ranks").intValue());
        assertEquals(4, state.get("steps_per_epoch").intValue());
    }

    @Test
    void shouldCheckpointEverySoManyEpochs() {
        assertEquals(List.of("epoch-0002", "epoch-0004", "epoch-0005"),
                run(2, "train.epochs=5", "checkpoint.every-epochs=2").checkpoints);
    }

    /** A checkpoint between two epochs counts the epochs that are completed. */
    @Test
    void shouldCheckpointEverySoManySteps() throws Exception {
        Heard heard = run(2, "checkpoint.every-steps=3", "checkpoint.keep=9");
        assertEquals(List.of("step-00000003", "step-00000006", "epoch-0002"), heard.checkpoints);
        assertEquals(0, state("step-00000003").get("epoch").intValue());
        assertEquals(3, state("step-00000003").get("step").intValue());
        assertEquals(1, state("step-00000006").get("epoch").intValue());
        assertEquals(6, state("step-00000006").get("step").intValue());
    }

    @Test
    void shouldCountAnEpochThatEndsWithACheckpointedStep() throws Exception {
        run(2, "checkpoint.every-steps=4", "checkpoint.keep=9");
        assertEquals(1, state("step-00000004").get("epoch").intValue());
        assertEquals(2, state("step-00000008").get("epoch").intValue());
    }

    @Test
    void shouldNotCountCheckpointsIntoTheTimeOfTraining() {
        Job job = SmallJobs.job("train.epochs=1");
        RankThreads.run(1, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                Trainer trainer = SmallJobs.trainer(job, device, communicator, new TrainingListener() { });
                long start = System.nanoTime();
                long[] hookNanos = new long[1];
                EpochMetrics epoch = trainer.trainEpoch(1, (number, step) -> {
                    long hookStart = System.nanoTime();
                    while (System.nanoTime() - hookStart < 5_000_000) {
                        Thread.onSpinWait();
                    }
                    hookNanos[0] += System.nanoTime() - hookStart;
                });
                double withoutHook = (System.nanoTime() - start - hookNanos[0]) * 1e-9;
                assertTrue(epoch.seconds() > 0 && epoch.seconds() <= withoutHook,
                        epoch.seconds() + " s counted of " + withoutHook);
            }
        });
    }

    /** One step whose update is absurd: its own loss is still that of the initial weights. */
    @Test
    void shouldStopAtATestLossThatIsNotFinite() {
        Throwable failure = assertThrows(Throwable.class, () -> run(1, "optimizer.sgd={lr: 1.0e+38}",
                "data.train.samples=8", "train={epochs: 1, batch-size: 8}",
                "data.test={format: synthetic, samples: 11, features: 6, classes: 3}"));
        while (!(failure instanceof TrainingException) && failure.getCause() != null) {
            failure = failure.getCause();
        }
        assertTrue(failure.getMessage().contains("epoch 1, step 1: the test loss is "), failure::toString);
        assertTrue(Files.notExists(checkpoints()));
    }

    /** The interval has always passed when the clock is looked at: at the first step, then when a second may be over. */
    @Test
    void shouldCheckpointEverySoManyMinutesByRank0sClock() {
        String[] sets = {"data.train.samples=500", "train={epochs: 1, batch-size: 1}", "checkpoint.keep=9"};
        List<String> written = run(2, sets[0], sets[1], sets[2], "checkpoint.every-minutes=0.0000001").checkpoints;
        assertEquals("step-00000001", written.get(0));
        assertEquals("epoch-0001", written.get(written.size() - 1));
        assertTrue(written.subList(0, written.size() - 1).stream().allMatch(name -> name.startsWith("step-")),
                written::toString);
        assertEquals(List.of("epoch-0001"), run(2, sets[0], sets[1], sets[2], "checkpoint.every-minutes=60").checkpoints);
    }

    @Test
    void shouldSumUpTheRun() throws Exception {
        Heard heard = run(2, "train.epochs=3", "data.test={format: synthetic, samples: 11, features: 6, classes: 3}");
        assertEquals(3, heard.epochs.size());
        EpochMetrics last = heard.epochs.get(2);
        TrainingSummary summary = heard.summaries.get(0);
        assertEquals(1, heard.summaries.size());
        assertEquals(2, summary.ranks());
        assertEquals(3, summary.epochs());
        assertEquals(12, summary.steps());
        assertEquals(last.trainLoss(), summary.trainLoss());
        assertEquals(11, last.test().orElseThrow().samples());
        assertEquals(last.test(), summary.test());
        assertEquals(heard.epochs.stream().mapToDouble(EpochMetrics::seconds).sum(), summary.trainingSeconds(), 1e-9);
        assertTrue(summary.firstStepSeconds() > 0 && summary.firstStepSeconds() < 3600, summary::toString);
        assertTrue(summary.peakResidentBytes() > 10 << 20, summary::toString);
        SafetensorsFile model = SafetensorsFile.read(checkpoints().resolve("epoch-0003/model.safetensors"));
        assertEquals(StartupAgreement.sha256(model.bytes()), summary.parametersSha256());
        assertEquals(summary.parametersSha256(), state("epoch-0003").get("parameters_sha256").textValue());
    }

    @Test
    void shouldEndTheJobWhereRank0CannotWrite() throws Exception {
        Files.writeString(checkpoints(), "a file in the way");
        AssertionError error = assertThrows(AssertionError.class, () -> run(3));
        assertEquals(TrainingException.class, error.getCause().getClass(), error::toString);
        assertTrue(error.getMessage().startsWith("rank 0: checkpoint "), error::toString);
    }

    private Heard run(int ranks, String... sets) {
        Job job = SmallJobs.job(sets);
        Heard heard = new Heard();
        RankThreads.run(ranks, LIMIT, communicator -> {
            boolean first = communicator.rank() == 0;
            TrainingListener listener = first ? heard : new TrainingListener() { };
            try (Device device = new ReferenceDevice()) {
                Trainer trainer = SmallJobs.trainer(job, device, communicator, listener);
                new TrainingRun(job, trainer, communicator, listener, first ? Optional.of(checkpoints()) : Optional.empty(),
                        () -> false).run();
            }
        });
        return heard;
    }

    private Path checkpoints() {
        return folder.resolve("checkpoints");
    }

    private JsonNode state(String checkpoint) throws IOException {
        return new ObjectMapper().readTree(checkpoints().resolve(checkpoint).resolve("state.json").toFile());
    }
}

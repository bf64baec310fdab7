package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.RankThreads;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Trains small jobs that are validated, from where the newest checkpoint stands. An epoch has four steps on two ranks. */
final class ValidatedTraining {
    static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String DATA = "data.validation={format: synthetic, samples: 13, features: 6, classes: 3, seed: 3}";

    private ValidatedTraining() {
    }

    /** What rank 0 hears. */
    static final class Heard implements TrainingListener {
        final List<ValidationMetrics> validations = new ArrayList<>();
        final List<EpochMetrics> epochs = new ArrayList<>();
        final List<String> checkpoints = new ArrayList<>();
        TrainingSummary summary;

        @Override
        public void validated(ValidationMetrics metrics) {
            validations.add(metrics);
        }

        @Override
        public void epochDone(EpochMetrics metrics) {
            epochs.add(metrics);
        }

        @Override
        public void checkpointWritten(Path checkpoint) {
            checkpoints.add(checkpoint.getFileName().toString());
        }

        @Override
        public void trainingDone(TrainingSummary done) {
            summary = done;
        }

        List<Long> validatedSteps() {
            return validations.stream().map(ValidationMetrics::step).toList();
        }
    }

    static Job job(String... sets) {
        List<String> all = new ArrayList<>(List.of(DATA));
        all.addAll(List.of(sets));
        return SmallJobs.job(all);
    }

    static Heard run(int ranks, Job job, Path run) {
        return run(ranks, job, run, List.of());
    }

    /** @param before epochs that were done */
    static Heard run(int ranks, Job job, Path run, List<EpochMetrics> before) {
        Heard heard = new Heard();
        Path checkpoints = RunFolder.checkpoints(run);
        Optional<Checkpoint> checkpoint = CheckpointFolder.newestWhole(checkpoints, new ArrayList<>());
        RankThreads.run(ranks, LIMIT, communicator -> {
            boolean first = communicator.rank() == 0;
            TrainingListener listener = first ? heard : new TrainingListener() { };
            try (Device device = new ReferenceDevice()) {
                Trainer trainer = new Trainer("test", job, SmallJobs.sources(job, ranks).load(device), device, communicator,
                        listener, checkpoint.map(from -> from.state().position()).orElse(Position.START));
                if (checkpoint.isPresent()) {
                    if (first) {
                        assertTrue(checkpoint.get().read(trainer.replica()));
                    }
                    trainer.replica().shareFromRank0(checkpoint.get().state().optimizerSteps());
                }
                new TrainingRun(job, trainer, communicator, listener, first ? Optional.of(checkpoints) : Optional.empty(),
                        () -> false).run(before);
            }
        });
        return heard;
    }
}

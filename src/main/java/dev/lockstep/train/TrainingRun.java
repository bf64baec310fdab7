package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.job.CheckpointConfig;
import dev.lockstep.job.Job;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A run from the first epoch to the last: training, evaluation, checkpoints when they are due, and the summary. */
public final class TrainingRun {
    private final Job job;
    private final Trainer trainer;
    private final Communicator communicator;
    private final TrainingListener listener;
    private final Optional<CheckpointWriter> checkpoints;
    /** Whether a timed checkpoint is due, and after how many steps to look again. */
    private final double[] look = new double[2];
    private double firstStepSeconds;
    private long nextTimedCheckpointNanos;
    private long nextLookStep;
    private long lastLookStep;
    private long lastLookNanos = System.nanoTime();

    /** @param checkpointFolder where rank 0 writes; empty on the others */
    public TrainingRun(Job job, Trainer trainer, Communicator communicator, TrainingListener listener,
            Optional<Path> checkpointFolder) {
        this.job = job;
        this.trainer = trainer;
        this.communicator = communicator;
        this.listener = listener;
        checkpoints = checkpointFolder.map(folder -> new CheckpointWriter(folder, job.checkpoint().keep(),
                trainer.parameters(), trainer.optimizer()));
    }

    /** Collective. */
    public TrainingSummary run() {
        List<EpochMetrics> epochs = new ArrayList<>();
        String hash = "";
        scheduleTimedCheckpoint();
        int last = job.train().epochs();
        for (int epoch = 1; epoch <= last; epoch++) {
            EpochMetrics trained = trainer.trainEpoch(epoch, this::afterStep);
            EpochMetrics metrics = new EpochMetrics(trained.epoch(), trained.step(), trained.trainLoss(),
                    evaluate(epoch), trained.samplesPerSecond(), trained.seconds());
            epochs.add(metrics);
            listener.epochDone(metrics);
            int every = job.checkpoint().everyEpochs();
            if (epoch == last || every > 0 && epoch % every == 0) {
                hash = checkpoint(CheckpointWriter.epochName(epoch), epoch);
            }
        }
        TrainingSummary summary = summary(epochs, hash);
        listener.trainingDone(summary);
        return summary;
    }

    private Optional<Evaluation> evaluate(int epoch) {
        Optional<Evaluation> test = trainer.evaluate();
        if (test.isPresent() && !Double.isFinite(test.get().loss())) {
            throw new TrainingException("epoch " + epoch + ", step " + trainer.step() + ": the test loss is "
                    + test.get().loss() + ": training has diverged; lower optimizer.sgd.lr or look at the data");
        }
        return test;
    }

    private void afterStep(int epoch, long step) {
        if (firstStepSeconds == 0) {
            firstStepSeconds = secondsSinceProcessStart();
        }
        CheckpointConfig config = job.checkpoint();
        if (config.everySteps() > 0 && step % config.everySteps() == 0 || timedCheckpointIsDue(step)) {
            checkpoint(CheckpointWriter.stepName(step), (int) (step / trainer.stepsPerEpoch()));
        }
    }

    private void scheduleTimedCheckpoint() {
        nextTimedCheckpointNanos = System.nanoTime() + (long) (job.checkpoint().everyMinutes() * 60e9);
    }

    /**
     * Rank 0's clock decides for all. Asking is a reduction, so it is asked about once a second: rank 0 also says after
     * how many steps to ask again.
     */
    private boolean timedCheckpointIsDue(long step) {
        if (job.checkpoint().everyMinutes() <= 0 || step < nextLookStep) {
            return false;
        }
        long now = System.nanoTime();
        Arrays.fill(look, 0);
        if (communicator.rank() == 0) {
            double stepsPerSecond = (step - lastLookStep) / ((now - lastLookNanos) * 1e-9);
            look[0] = now - nextTimedCheckpointNanos >= 0 ? 1 : 0;
            look[1] = Math.max(1, Math.floor(stepsPerSecond));
        }
        communicator.allReduceSum(look);
        lastLookStep = step;
        lastLookNanos = now;
        nextLookStep = step + (long) look[1];
        return look[0] > 0;
    }

    /** Returns the hash of the parameters that all ranks agree on. */
    private String checkpoint(String name, int epochsCompleted) {
        trainer.requireFiniteLoss();
        String hash = ParameterHash.agreed(trainer.parameters(), communicator, trainer.step());
        if (checkpoints.isPresent()) {
            Map<String, Object> details = new LinkedHashMap<>();
            details.put("ranks", communicator.size());
            details.put("seed", job.seed());
            details.put("steps_per_epoch", trainer.stepsPerEpoch());
            details.put("parameters_sha256", hash);
            listener.checkpointWritten(checkpoints.get().write(name,
                    new CheckpointWriter.Position(epochsCompleted, trainer.step()), details));
        }
        // Writing may take longer than ranks may keep each other waiting within a step.
        communicator.barrier();
        scheduleTimedCheckpoint();
        return hash;
    }

    private TrainingSummary summary(List<EpochMetrics> epochs, String hash) {
        double[] resident = new double[communicator.size()];
        double[] firstStep = new double[communicator.size()];
        resident[communicator.rank()] = peakResidentBytes();
        firstStep[communicator.rank()] = firstStepSeconds;
        communicator.allReduceSum(resident);
        communicator.allReduceSum(firstStep);
        EpochMetrics last = epochs.get(epochs.size() - 1);
        return new TrainingSummary(communicator.size(), epochs.size(), trainer.step(), last.trainLoss(), last.test(),
                Trainer.typicalRate(epochs), epochs.stream().mapToDouble(EpochMetrics::seconds).sum(),
                Arrays.stream(firstStep).max().orElse(0),
                (long) Arrays.stream(resident).max().orElse(0), hash);
    }

    private static double secondsSinceProcessStart() {
        Instant now = Instant.now();
        return ProcessHandle.current().info().startInstant()
                .map(start -> Duration.between(start, now).toNanos() * 1e-9).orElse(Double.NaN);
    }

    /** Linux's VmHWM of this process; 0 where there is none. */
    private static long peakResidentBytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
                }
            }
        } catch (IOException e) {
            // No procfs: unknown.
        }
        return 0;
    }
}

package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.job.CheckpointConfig;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * A run from its first epoch, or from where a checkpoint stood, to the last: training, evaluation, checkpoints when they
 * are due, and the summary.
 */
public final class TrainingRun {
    /** Leaves the epoch from within a step's hook. */
    private static final class StopException extends RuntimeException {
        StopException() {
            super("stopped on request", null, false, false);
        }
    }

    private final Job job;
    private final Trainer trainer;
    private final Communicator communicator;
    private final TrainingListener listener;
    private final Optional<CheckpointWriter> checkpoints;
    private final Lookout lookout;
    private final Validation validation;
    private double firstStepSeconds;
    /** Of the last checkpoint within an epoch, this run's or the one it goes on from; 0 where there is none. */
    private long checkpointedStep;

    /**
     * @param checkpointFolder where rank 0 writes; empty on the others
     * @param stopRequested    whether this rank is to stop as soon as a checkpoint is written; asked after some of the steps
     */
    public TrainingRun(Job job, Trainer trainer, Communicator communicator, TrainingListener listener,
            Optional<Path> checkpointFolder, BooleanSupplier stopRequested) {
        this(job, trainer, communicator, listener, checkpointFolder, stopRequested, Lookout.INTERVAL_SECONDS);
    }

    /** @param lookSeconds between two steps after which is asked whether to stop, about; 0 to ask after each */
    TrainingRun(Job job, Trainer trainer, Communicator communicator, TrainingListener listener,
            Optional<Path> checkpointFolder, BooleanSupplier stopRequested, double lookSeconds) {
        this.job = job;
        this.trainer = trainer;
        this.communicator = communicator;
        this.listener = listener;
        checkpoints = checkpointFolder.map(folder -> new CheckpointWriter(folder, job.checkpoint().keep(),
                trainer.replica(), trainer.encoding()));
        checkpointedStep = trainer.start().consumed() > 0 ? trainer.start().step() : 0;
        validation = new Validation(job, trainer, listener);
        lookout = new Lookout(communicator, job.checkpoint().everyMinutes(), stopRequested, lookSeconds,
                trainer.start().step(), System::nanoTime);
    }

    /** As below, from the first epoch on. */
    public Optional<TrainingSummary> run() {
        return run(List.of());
    }

    /**
     * Collective. Empty if it was stopped on request; its last step is checkpointed then, too. Where a run was killed
     * between its last checkpoint and its last lines, only these are made up for.
     *
     * @param before epochs of the run that are done and go into its summary; the same on every rank. Not empty where no
     *               epoch is left
     */
    public Optional<TrainingSummary> run(List<EpochMetrics> before) {
        List<EpochMetrics> epochs = new ArrayList<>(before);
        String hash = "";
        Position start = trainer.start();
        checkpoints.ifPresent(writer -> writer.goOnFrom(start));
        boolean endedWithAnEpoch = validation.endsTraining() && start.consumed() == 0;
        int last = endedWithAnEpoch ? start.epoch() - 1 : job.train().epochs();
        try {
            for (int epoch = start.epoch(); epoch <= last; epoch++) {
                trainer.times().reset();
                EpochMetrics trained = trainer.trainEpoch(epoch, this::afterStep);
                Optional<StepBreakdown> breakdown = trainer.times().breakdown();
                boolean complete = trainer.epochIsComplete();
                String name = complete ? CheckpointFolder.epochName(epoch) : CheckpointFolder.stepName(trainer.step());
                boolean best = complete && validation.afterEpoch(epoch, trainer.step());
                EpochMetrics metrics = trained.with(evaluate(epoch), breakdown);
                epochs.add(metrics);
                listener.epochDone(metrics);
                // Early stopping may also end training within an epoch.
                boolean ends = epoch == last || validation.endsTraining();
                int every = job.checkpoint().everyEpochs();
                if (ends) {
                    hash = ParameterHash.agreed(trainer.replica().parameters(), communicator, trainer.step());
                }
                // The step that training ends with, within an epoch, may have its checkpoint: while that is written anew, a
                // kill would leave none.
                boolean has = !complete && checkpointedStep == trainer.step();
                if (!has && (ends || every > 0 && epoch % every == 0 || best)) {
                    checkpoint(name, complete ? epoch : epoch - 1, complete
                            ? new Position(epoch + 1, 0, trainer.step(), Position.Sums.NONE, validation.progress())
                            : position(trainer.epochEndNanos()), hash);
                }
                if (ends) {
                    break;
                }
            }
        } catch (StopException e) {
            finishCheckpoint();
            return Optional.empty();
        }
        finishCheckpoint();
        if (start.epoch() > last) {
            EpochMetrics done = epochs.remove(epochs.size() - 1);
            epochs.add(done.with(evaluate(done.epoch()), done.breakdown()));
            hash = ParameterHash.agreed(trainer.replica().parameters(), communicator, trainer.step());
        }
        TrainingSummary summary = summary(epochs, hash);
        listener.trainingDone(summary);
        return Optional.of(summary);
    }

    private Optional<Evaluation> evaluate(int epoch) {
        Optional<Evaluation> test = trainer.evaluate();
        if (test.isPresent() && !Double.isFinite(test.get().loss())) {
            throw new TrainingException("epoch " + epoch + ", step " + trainer.step() + ": the test loss is "
                    + test.get().loss() + ": training has diverged; lower " + job.optimizer().key()
                    + ".lr or look at the data");
        }
        return test;
    }

    private void afterStep(int epoch, long step) {
        long nanos = System.nanoTime();
        if (firstStepSeconds == 0) {
            firstStepSeconds = secondsSinceProcessStart();
        }
        if (checkpoints.isPresent() && checkpoints.get().hasFinished()) {
            reportCheckpoint();
        }
        boolean best = validation.afterStep(epoch, step);
        lookout.look(step);
        CheckpointConfig config = job.checkpoint();
        boolean stop = lookout.stopIsRequested();
        if (config.everySteps() > 0 && step % config.everySteps() == 0 || lookout.checkpointIsDue() || stop || best) {
            checkpointedStep = step;
            checkpoint(CheckpointFolder.stepName(step), trainer.epochIsComplete() ? epoch : epoch - 1, position(nanos), "");
        }
        if (stop) {
            throw new StopException();
        }
        if (validation.endsTraining()) {
            trainer.endEpoch();
        }
    }

    private Position position(long nanos) {
        return trainer.position(nanos, validation.progress());
    }

    /** Throws what went wrong in the writing. */
    private void reportCheckpoint() {
        checkpoints.flatMap(CheckpointWriter::finished).ifPresent(listener::checkpointWritten);
    }

    private void checkpoint(String name, int epochsCompleted, Position position, String hash) {
        trainer.requireFiniteLoss();
        if (hash.isEmpty()) {
            ParameterHash.requireAgreement(trainer.replica().parameters(), communicator, trainer.step());
        }
        if (checkpoints.isPresent()) {
            reportCheckpoint();
            checkpoints.get().begin(name, new CheckpointState(position, epochsCompleted,
                    trainer.replica().optimizer().steps(), JobFile.toYaml(job), job.seed(), communicator.size(),
                    trainer.samplesPerStep(), trainer.stepsPerEpoch(), trainer.trainSamples(), hash, Map.of()));
        }
        // The checkpoint before may take longer to write than ranks may keep each other waiting within a step.
        communicator.barrier();
        lookout.checkpointed();
    }

    private void finishCheckpoint() {
        reportCheckpoint();
        communicator.barrier();
    }

    private TrainingSummary summary(List<EpochMetrics> epochs, String hash) {
        double[] resident = new double[communicator.size()];
        double[] firstStep = new double[communicator.size()];
        resident[communicator.rank()] = peakResidentBytes();
        firstStep[communicator.rank()] = firstStepSeconds;
        communicator.allReduceSum(resident);
        communicator.allReduceSum(firstStep);
        EpochMetrics last = epochs.get(epochs.size() - 1);
        return new TrainingSummary(communicator.size(), last.epoch(), trainer.step(), last.trainLoss(), last.test(),
                typicalRate(epochs), epochs.stream().mapToDouble(EpochMetrics::seconds).sum(),
                Arrays.stream(firstStep).max().orElse(0),
                (long) Arrays.stream(resident).max().orElse(0), hash, breakdown(epochs), validation.summary());
    }

    /** Median over the epochs, the first left out where there are more: it warms up. */
    static double typicalRate(List<EpochMetrics> epochs) {
        double[] rates = epochs.stream().skip(epochs.size() > 1 ? 1 : 0).mapToDouble(EpochMetrics::samplesPerSecond).sorted()
                .toArray();
        return (rates[(rates.length - 1) / 2] + rates[rates.length / 2]) / 2;
    }

    /** Mean over the epochs, the first left out where there are more: it warms up. */
    private static Optional<StepBreakdown> breakdown(List<EpochMetrics> epochs) {
        List<StepBreakdown> each = epochs.stream().skip(epochs.size() > 1 ? 1 : 0)
                .flatMap(epoch -> epoch.breakdown().stream()).toList();
        return each.isEmpty() ? Optional.empty() : Optional.of(StepBreakdown.mean(each));
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

package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.CsvEncoding;
import dev.lockstep.data.DataLoader;
import dev.lockstep.data.Dataset;
import dev.lockstep.data.DistributedSampler;
import dev.lockstep.ddp.DistributedDataParallel;
import dev.lockstep.device.Device;
import dev.lockstep.device.Stream;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.nn.Loss;
import dev.lockstep.optim.Optimizer;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import java.util.function.Function;

/** Trains a job's model on one rank, in step with the others. Everything a step needs is made by the constructor. */
public final class Trainer {
    /** This rank's part of an epoch, or of what is left of it; {@code last} trains on its last samples. */
    private record Shard(int[] indices, TrainingStep last) {
    }

    private final Job job;
    private final Communicator communicator;
    private final TrainingListener listener;
    private final Replica replica;
    private final Optimizer optimizer;
    private final DistributedDataParallel ddp;
    private final EpochLoss loss;
    private final DistributedSampler sampler;
    private final int trainSamples;
    private final int batchSize;
    private final int samplesPerStep;
    private final TrainingStep full;
    private final Shard wholeEpoch;
    private final Position start;
    private final Shard restOfFirstEpoch;
    private final Optional<Evaluator> evaluator;
    private final Optional<Evaluator> validator;
    private final Device device;
    private final Optional<CsvEncoding> encoding;
    private final DoubleSupplier batchLoss;
    private final StepTimes times;
    private final StepRunner runner;
    private int epoch;
    private long step;
    private Shard shard;
    /** Of the shard, so far. */
    private int samplesDone;
    /** What the epoch came to before this process went on with it. */
    private Position.Sums before = Position.Sums.NONE;
    private long epochStartNanos;
    private long epochEndNanos;
    private long pausedNanos;
    private long pauseBeginNanos;
    private boolean epochEnds;

    /**
     * Collective: compares the ranks' programs, jobs and data, and gives every rank rank 0's initial parameters.
     *
     * @param program  version and commit; the ranks' must be the same
     * @param device   of this rank; used by the calling thread only
     * @param listener hears of progress; on ranks but 0, none
     * @throws dev.lockstep.InvalidInputException if the ranks do not agree
     */
    public Trainer(String program, Job job, TrainingData.Loaded data, Device device, Communicator communicator,
            TrainingListener listener) {
        this(program, job, data, device, communicator, listener, Position.START);
    }

    /** As above, to go on from {@code start}, the same on every rank; see {@link Replica#shareFromRank0}. */
    public Trainer(String program, Job job, TrainingData.Loaded data, Device device, Communicator communicator,
            TrainingListener listener, Position start) {
        this.job = job;
        this.device = device;
        this.encoding = data.encoding();
        this.start = start;
        this.communicator = communicator;
        this.listener = listener;
        Stream stream = device.computeStream();
        int ranks = communicator.size();
        replica = new Replica(job, data.train().features().columns(), start.step(), device, communicator,
                new StartupAgreement()
                        .with("program", program)
                        .with("job", JobFile.toYaml(job))
                        .withAll(CustomModules.code(job))
                        .withData("training data", Optional.of(data.train()))
                        .withData("test data", data.test())
                        .withData("validation data", data.validation())
                        .with("preprocessing", data.encoding())
                        .with("checkpoint", start));
        optimizer = replica.optimizer();
        ddp = replica.ddp();
        trainSamples = data.train().samples();
        sampler = new DistributedSampler(trainSamples, ranks, communicator.rank(), job.train().shuffle(),
                job.seed(), job.train().dropLast());
        batchSize = Math.min(job.train().batchPerRank(ranks), sampler.samplesPerRank());
        samplesPerStep = (int) Math.min((long) batchSize * job.train().accumulate(), sampler.samplesPerRank());
        Loss batchLosses = Losses.build(job.loss(), device);
        loss = new EpochLoss(batchLosses, communicator, stream, job.train().accumulate(),
                job.optimizer().key() + ".lr");
        batchLoss = loss::ofMicroBatch;
        StepBinding steps = new StepBinding(replica, batchLosses, new DataLoader(device, data.train(), batchSize), ranks,
                batchSize);
        full = steps.bind(samplesPerStep);
        int rest = sampler.samplesPerRank() % samplesPerStep;
        TrainingStep last = rest == 0 ? full : steps.bind(rest);
        wholeEpoch = new Shard(new int[sampler.samplesPerRank()], last);
        int samplesLeft = sampler.samplesPerRank(start.consumed());
        int restLeft = samplesLeft % samplesPerStep;
        restOfFirstEpoch = start.consumed() == 0 ? wholeEpoch : new Shard(new int[samplesLeft], restLeft == 0 ? full
                : restLeft == rest ? last : steps.bind(restLeft));
        times = new StepTimes(communicator, stream, ddp.chunkTimes(), full.timelines(), loss.isHostAccessible());
        runner = new StepRunner(device, optimizer, ddp, times);
        step = start.step();
        Function<Dataset, Evaluator> evaluation = split -> new Evaluator(device, communicator, job, replica.model(),
                replica.parameters(), replica.buffers(), split, job.train().batchPerRank(ranks));
        evaluator = data.test().map(evaluation);
        validator = data.validation().map(evaluation);
    }

    public Replica replica() {
        return replica;
    }

    /** Steps in an epoch, the short last one included. */
    public int stepsPerEpoch() {
        return steps(wholeEpoch);
    }

    private int steps(Shard of) {
        return (of.indices.length + samplesPerStep - 1) / samplesPerStep;
    }

    /** That training ends with, unless it is stopped early. */
    public long lastStep() {
        return start.step() + steps(restOfFirstEpoch) + (long) (job.train().epochs() - start.epoch()) * stepsPerEpoch();
    }

    /** Where this training began: at the start, or where a checkpoint stood. */
    public Position start() {
        return start;
    }

    public Device device() {
        return device;
    }

    /** Samples of the training data. */
    public int trainSamples() {
        return trainSamples;
    }

    /** Samples of a rank in a full micro-batch. */
    public int batchSize() {
        return batchSize;
    }

    /** Samples of a rank in a full step, of all its micro-batches. */
    public int samplesPerStep() {
        return samplesPerStep;
    }

    /** Of the training data, where that is of CSV files. */
    public Optional<CsvEncoding> encoding() {
        return encoding;
    }

    /** Whether reductions run beside backward. */
    public boolean overlaps() {
        return ddp.overlaps();
    }

    /** Whether they are to, from the next step on, where there is something to overlap. The same on every rank. */
    public void setOverlap(boolean overlap) {
        ddp.setOverlap(overlap);
    }

    /** What the steps take; whoever reads them resets them. */
    public StepTimes times() {
        return times;
    }

    /** Has the steps that are timed written down in {@code trace} from now on. */
    public void traceInto(Trace trace) {
        runner.traceInto(trace);
    }

    /** Steps done since the start of training. */
    public long step() {
        return step;
    }

    /**
     * Trains one epoch. Collective.
     *
     * @param epoch    from 1 on
     * @param stepHook called after each step, on every rank; its time is not the training's
     * @throws TrainingException if a loss is not finite
     */
    public EpochMetrics trainEpoch(int epoch, StepHook stepHook) {
        epochStartNanos = System.nanoTime();
        pausedNanos = 0;
        samplesDone = 0;
        // Early stopping had ended the epoch already, and its record is what is left to do.
        epochEnds = epoch == start.epoch() && Validation.hasEnded(job, start.validation());
        this.epoch = epoch;
        long consumed = epoch == start.epoch() ? start.consumed() : 0;
        before = epoch == start.epoch() ? start.sums() : Position.Sums.NONE;
        shard = epoch == start.epoch() ? restOfFirstEpoch : wholeEpoch;
        // As in a DDP script: for epoch in range(epochs): sampler.set_epoch(epoch).
        sampler.indices(epoch - 1L, consumed, shard.indices);
        loss.beginEpoch(epoch, step);
        int stepOfEpoch = stepsPerEpoch() - steps(shard);
        if (shard.indices.length == 0 || epochEnds) {
            // The epoch's record is all that is left to do, and tells of its last step.
            moveSchedule(optimizer.steps() - 1, stepOfEpoch - 1);
        }
        for (int first = 0; first < shard.indices.length && !epochEnds; first += samplesPerStep) {
            long begin = System.nanoTime();
            trainStep(first);
            samplesDone = Math.min(first + samplesPerStep, shard.indices.length);
            stepOfEpoch++;
            listener.stepDone(epoch, step, stepOfEpoch, batchLoss);
            if (isLogged(step)) {
                logStep();
            }
            pauseBeginNanos = System.nanoTime();
            times.stepDone(pauseBeginNanos - begin);
            stepHook.afterStep(epoch, step);
            pausedNanos += System.nanoTime() - pauseBeginNanos;
        }
        times.settle();
        loss.requireFinite();
        epochEndNanos = System.nanoTime();
        Position.Sums sums = sums(epochEndNanos);
        return new EpochMetrics(epoch, step, sums.loss() / sums.samples(), optimizer.learningRate(), Optional.empty(),
                sums.samples() / sums.seconds(), sums.seconds(), Optional.empty());
    }

    /** System.nanoTime when the steps that {@link #trainEpoch} did last were over. */
    long epochEndNanos() {
        return epochEndNanos;
    }

    /**
     * Where training stands now, within the epoch: for a step's hook, or after an epoch that was left. Collective.
     *
     * @param nanos      System.nanoTime when the last step ended
     * @param validation so far
     */
    Position position(long nanos, ValidationProgress validation) {
        long consumedBefore = epoch == start.epoch() ? start.consumed() : 0;
        return new Position(epoch, consumedBefore + (long) samplesDone * communicator.size(), step, sums(nanos),
                validation);
    }

    /** Leaves out the steps that are left of the epoch; for a step's hook. */
    void endEpoch() {
        epochEnds = true;
    }

    /** Whether all steps of the epoch are done. */
    boolean epochIsComplete() {
        return samplesDone == shard.indices.length;
    }

    private Position.Sums sums(long nanos) {
        // Where no step is left to do, what it took to come so far is no training.
        return loss.sums(before, samplesDone == 0 ? 0 : (nanos - epochStartNanos - pausedNanos) * 1e-9);
    }

    /** Called after each step. */
    @FunctionalInterface
    public interface StepHook {
        StepHook NONE = (epoch, step) -> { };

        void afterStep(int epoch, long step);
    }

    private TrainingStep stepAt(int first) {
        return shard.indices.length - first >= samplesPerStep ? full : shard.last;
    }

    private void trainStep(int first) {
        boolean timed = times.begin(first / samplesPerStep, shard.indices.length / samplesPerStep);
        if (isLogged(step + 1)) {
            loss.beginStep();
        }
        step++;
        int next = first + samplesPerStep;
        moveSchedule(optimizer.steps(), stepsPerEpoch() - steps(shard) + first / samplesPerStep);
        runner.run(stepAt(first), shard.indices, first, next < shard.indices.length ? stepAt(next) : null, timed, step);
        if (loss.isHostAccessible()) {
            loss.requireFinite();
        }
    }

    private void moveSchedule(long stepsDone, int stepsOfEpochDone) {
        replica.schedule().moveTo(stepsDone, epoch - 1, stepsOfEpochDone, stepsPerEpoch());
    }

    /**
     * Looks back over this epoch's steps so far, so that what has diverged is neither logged nor kept.
     *
     * @throws TrainingException naming the first whose loss on this rank was not finite
     */
    public void requireFiniteLoss() {
        loss.requireFinite();
    }

    private boolean isLogged(long step) {
        return job.log().everySteps() > 0 && step % job.log().everySteps() == 0;
    }

    private void logStep() {
        loss.requireFinite();
        listener.stepLogged(step, loss.ofStep(), optimizer.learningRate());
    }

    /** Evaluates on the validation data, in a step's hook or between epochs; empty without. Collective. */
    public Optional<Evaluation> validate() {
        // What the device still has to do of the step is no pause.
        times.settle();
        pauseBeginNanos = System.nanoTime();
        return evaluate(validator);
    }

    /** Evaluates on the test data; empty without. Collective. */
    public Optional<Evaluation> evaluate() {
        return evaluate(evaluator);
    }

    /** With rank 0's buffers. */
    private Optional<Evaluation> evaluate(Optional<Evaluator> split) {
        if (split.isPresent()) {
            replica.shareBuffers();
        }
        return split.map(Evaluator::evaluate);
    }
}

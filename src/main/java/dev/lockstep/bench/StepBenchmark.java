package dev.lockstep.bench;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.DistributedSampler;
import dev.lockstep.job.Job;
import dev.lockstep.train.StepBreakdown;
import dev.lockstep.train.StepTimes.OperationTime;
import dev.lockstep.train.Trainer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Times training steps as they follow each other: a step lasts from the end of the one before to its own end. Only steps
 * of the full batch count.
 *
 * <p>Where steps are enqueued and return before they are done, as on a GPU, each time is the mean of several steps between
 * two waits for the device, so that these hold up few. What else holds steps up is in such a mean: the turn of an epoch, and
 * the wait for each step that is timed from within, the second after the warm-up and every 64th after it.
 */
public final class StepBenchmark {
    private static final int STEPS_BETWEEN_WAITS = 10;

    /**
     * What steps took.
     *
     * @param stepSeconds  seconds a step, each time the largest of all ranks, in order
     * @param breakdown    of the slowest rank; empty if no step was timed from within, as a single one on a GPU is not
     * @param operations   means of the rank that computes the longest, in the order in which they ran; empty if not timed
     * @param chunkSeconds by chunk, in the order of sending; empty with one rank
     */
    public record Measurement(double[] stepSeconds, Optional<StepBreakdown> breakdown, List<OperationTime> operations,
            double[] chunkSeconds) {
    }

    /** Leaves the epoch from within a step's hook. */
    private static final class DoneException extends RuntimeException {
        DoneException() {
            super("measured", null, false, false);
        }
    }

    private final Trainer trainer;
    private final Communicator communicator;
    private final int stepsPerTime;
    private final boolean lastOfEpochIsShort;
    private int epoch;
    private int stepOfEpoch;
    private int warmUpStepsLeft;
    private int stepsLeft;
    /** Of this rank; the first {@link #times} are taken. */
    private double[] seconds;
    private int times;
    private int stepsSinceTime;
    private long timeNanos;
    /** Null where there is nothing to do. */
    private Runnable betweenSteps;

    public StepBenchmark(Job job, Trainer trainer, Communicator communicator) {
        this.trainer = trainer;
        this.communicator = communicator;
        stepsPerTime = trainer.replica().parameters().values().isHostAccessible() ? 1 : STEPS_BETWEEN_WAITS;
        int samples = new DistributedSampler(trainer.trainSamples(), communicator.size(), communicator.rank(), false,
                job.seed(), job.train().dropLast()).samplesPerRank();
        lastOfEpochIsShort = samples % trainer.samplesPerStep() != 0;
    }

    /** Steps that each time is the mean of, at most: fewer where an epoch or the measurement ends. */
    public int stepsPerTime() {
        return stepsPerTime;
    }

    /**
     * Trains from the start of an epoch on, and for as many epochs as it takes. Collective. Nothing is allocated from step
     * to step.
     *
     * @param warmUpSteps trained first and not timed, at least 0
     * @param steps       at least 1
     */
    public Measurement run(int warmUpSteps, int steps) {
        return run(warmUpSteps, steps, null);
    }

    /**
     * As above.
     *
     * @param betweenSteps run before each timed step, whose time does not count; not null on all ranks or on none
     */
    Measurement run(int warmUpSteps, int steps, Runnable betweenSteps) {
        this.betweenSteps = betweenSteps;
        warmUpStepsLeft = warmUpSteps;
        stepsLeft = steps;
        seconds = new double[steps];
        times = 0;
        trainer.times().reset();
        begin();
        try {
            while (true) {
                epoch++;
                stepOfEpoch = 0;
                trainer.trainEpoch(epoch, this::afterStep);
            }
        } catch (DoneException e) {
            return new Measurement(maximum(communicator, Arrays.copyOf(seconds, times)), trainer.times().breakdown(),
                    slowestOperations(), trainer.times().chunkSeconds());
        }
    }

    private List<OperationTime> slowestOperations() {
        List<OperationTime> own = trainer.times().operations();
        double[] seconds = own.stream().mapToDouble(OperationTime::seconds).toArray();
        double[] slowest = communicator.allGather(seconds).stream()
                .max(Comparator.comparingDouble(each -> Arrays.stream(each).sum())).orElseThrow();
        return IntStream.range(0, slowest.length).mapToObj(i -> new OperationTime(own.get(i).name(), own.get(i).phase(),
                own.get(i).flops(), slowest[i])).toList();
    }

    private void begin() {
        trainer.times().settle();
        stepsSinceTime = 0;
        timeNanos = System.nanoTime();
    }

    private void afterStep(int epoch, long step) {
        stepOfEpoch++;
        int fullSteps = trainer.stepsPerEpoch() - (lastOfEpochIsShort ? 1 : 0);
        if (warmUpStepsLeft > 0) {
            warmUpStepsLeft--;
            trainer.times().reset();
            begin();
        } else if (stepOfEpoch > fullSteps) {
            begin();
        } else {
            stepsSinceTime++;
            stepsLeft--;
            boolean shortOneFollows = lastOfEpochIsShort && stepOfEpoch == fullSteps;
            if (stepsSinceTime == stepsPerTime || shortOneFollows || stepsLeft == 0) {
                trainer.times().settle();
                long now = System.nanoTime();
                seconds[times++] = (now - timeNanos) * 1e-9 / stepsSinceTime;
                timeNanos = now;
                stepsSinceTime = 0;
            }
            if (stepsLeft == 0) {
                throw new DoneException();
            }
        }
        if (betweenSteps != null && warmUpStepsLeft == 0 && stepsSinceTime == 0) {
            betweenSteps.run();
            // A rank that is done earlier would wait within the step.
            communicator.barrier();
            begin();
        }
    }

    /** Element by element, over all ranks; of the same length on each. Collective. */
    public static double[] maximum(Communicator communicator, double[] values) {
        double[] largest = values.clone();
        for (double[] theirs : communicator.allGather(values)) {
            Arrays.setAll(largest, i -> Math.max(largest[i], theirs[i]));
        }
        return largest;
    }
}

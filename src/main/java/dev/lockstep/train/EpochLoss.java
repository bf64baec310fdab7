package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Stream;
import dev.lockstep.nn.Loss;

/** The losses of an epoch's steps so far. */
final class EpochLoss {
    private static final int LOSS = 0;
    private static final int SAMPLES = 1;

    private final Loss loss;
    private final Communicator communicator;
    private final Stream stream;
    private final int accumulate;
    private final String learningRateKey;
    /** Loss and samples of this rank before a step; of all ranks, what the step has added. */
    private final double[] before = new double[2];
    private final double[] step = new double[2];
    private int epoch;
    private long stepsBefore;

    /**
     * @param accumulate      micro-batches of a step, the last of an epoch perhaps excepted
     * @param learningRateKey of the job file, for messages
     */
    EpochLoss(Loss loss, Communicator communicator, Stream stream, int accumulate, String learningRateKey) {
        this.loss = loss;
        this.communicator = communicator;
        this.stream = stream;
        this.accumulate = accumulate;
        this.learningRateKey = learningRateKey;
    }

    /** @param stepsBefore that are done when the epoch, or what is left of it, begins */
    void beginEpoch(int epoch, long stepsBefore) {
        this.epoch = epoch;
        this.stepsBefore = stepsBefore;
        loss.reset(stream);
    }

    /** Whether looking at it costs nothing. */
    boolean isHostAccessible() {
        return loss.isHostAccessible();
    }

    /** The mean of this rank's last micro-batch; waits for the device. */
    double ofMicroBatch() {
        return loss.read(stream, LossStatistics.BATCH_MEAN);
    }

    /** Before a step that {@link #ofStep} will be asked for; waits for the device. */
    void beginStep() {
        before[LOSS] = loss.read(stream, LossStatistics.LOSS_SUM);
        before[SAMPLES] = loss.read(stream, LossStatistics.SAMPLES);
    }

    /** The mean over all samples of all ranks since {@link #beginStep}. Collective; allocates nothing of its own. */
    double ofStep() {
        step[LOSS] = loss.read(stream, LossStatistics.LOSS_SUM) - before[LOSS];
        step[SAMPLES] = loss.read(stream, LossStatistics.SAMPLES) - before[SAMPLES];
        communicator.allReduceSum(step);
        return step[LOSS] / step[SAMPLES];
    }

    /** {@code before}, and what all ranks have added since. Collective. */
    Position.Sums sums(Position.Sums before, double seconds) {
        double[] sums = {loss.read(stream, LossStatistics.LOSS_SUM), loss.read(stream, LossStatistics.SAMPLES)};
        communicator.allReduceSum(sums);
        return before.plus(sums[LOSS], sums[SAMPLES], seconds);
    }

    /** @throws TrainingException naming the first step whose loss on this rank was not finite */
    void requireFinite() {
        long batch = (long) loss.read(stream, LossStatistics.FIRST_NOT_FINITE);
        if (batch > 0) {
            throw new TrainingException("rank " + communicator.rank() + ", epoch " + epoch + ", step "
                    + (stepsBefore + (batch - 1) / accumulate + 1) + ": the loss is NaN or infinite: training has diverged;"
                    + " lower " + learningRateKey + " or look at the data");
        }
    }
}

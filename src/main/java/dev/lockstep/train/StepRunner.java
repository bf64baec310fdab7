package dev.lockstep.train;

import dev.lockstep.ddp.DistributedDataParallel;
import dev.lockstep.device.Device;
import dev.lockstep.device.Stream;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.train.TrainingStep.MicroBatch;

/** Runs training steps: names each micro-batch's samples, has the next one's brought meanwhile, and takes times. */
final class StepRunner {
    private final Device device;
    private final Stream stream;
    private final Optimizer optimizer;
    private final DistributedDataParallel ddp;
    private final StepTimes times;
    /** Null unless the run is traced. */
    private Trace trace;

    StepRunner(Device device, Optimizer optimizer, DistributedDataParallel ddp, StepTimes times) {
        this.device = device;
        this.optimizer = optimizer;
        this.ddp = ddp;
        this.times = times;
        stream = device.computeStream();
    }

    /** Has the steps that are timed written down from now on. */
    void traceInto(Trace target) {
        trace = target;
    }

    /**
     * Runs a step. Collective.
     *
     * @param indices of the samples of this rank's steps, one behind the other
     * @param first   of this step's in them
     * @param next    that follows; null if none does
     * @param timed   whether it is to be timed from within, see {@link StepTimes#begin}
     * @param number  of the step since the start of training
     */
    void run(TrainingStep step, int[] indices, int first, TrainingStep next, boolean timed, long number) {
        if (timed) {
            device.synchronizeClock();
        }
        long begin = System.nanoTime();
        int at = first;
        for (int i = 0; i < step.microBatchCount(); i++) {
            MicroBatch current = step.microBatch(i);
            MicroBatch following = i + 1 < step.microBatchCount() ? step.microBatch(i + 1)
                    : next == null ? null : next.microBatch(0);
            current.timeline().setOn(timed);
            long microBatchBegin = System.nanoTime();
            current.batch().select(indices, at, stream);
            at += current.batch().size();
            if (following != null) {
                following.batch().prefetch(indices, at);
            }
            if (i == 0) {
                optimizer.beginStep();
            }
            current.operation().enqueue(stream);
            if (timed) {
                // What it took is read before the same work is done again.
                stream.synchronize();
                times.microBatchTimed(current.timeline(), microBatchBegin);
                if (trace != null) {
                    trace.addOperations(number, current.timeline());
                }
            }
        }
        if (timed) {
            times.stepTimed();
            if (trace != null) {
                trace.addStep(number, begin, System.nanoTime(), ddp.chunkTimes());
            }
        }
    }
}

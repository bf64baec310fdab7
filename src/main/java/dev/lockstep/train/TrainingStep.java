package dev.lockstep.train;

import dev.lockstep.data.DataLoader;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline;
import java.util.Arrays;
import java.util.List;

/**
 * An optimizer's step on a fixed number of samples, made ready: its micro-batches, one after the other, add up their
 * gradients; the last of them sends these and updates the parameters.
 */
final class TrainingStep {
    /** {@code operation} trains on what the batch has selected; the step may hold it several times. */
    record MicroBatch(DataLoader.Batch batch, Operation operation, Timeline timeline) {
    }

    private final MicroBatch[] microBatches;

    TrainingStep(MicroBatch[] microBatches) {
        this.microBatches = microBatches;
    }

    int microBatchCount() {
        return microBatches.length;
    }

    MicroBatch microBatch(int index) {
        return microBatches[index];
    }

    /** In order; those of micro-batches that are the same work are one. */
    List<Timeline> timelines() {
        return Arrays.stream(microBatches).map(MicroBatch::timeline).toList();
    }
}

package dev.lockstep.nn;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;

/** Sums over all ranks in the midst of forward or backward, for layers that see the batches of all of them. */
@FunctionalInterface
public interface RankSums {
    /** Of a rank that is alone: the sum is what it has. */
    RankSums ALONE = (name, numbers) -> stream -> { };

    /**
     * Prepares the sum of {@code numbers} over all ranks, in place. Every rank enqueues the same ones in the same order.
     * It is done when enqueue returns, and cannot be recorded into a graph.
     *
     * @param name    what is summed, for messages
     * @param numbers FLOAT64, as many on every rank
     */
    Operation sumOverRanks(String name, DeviceBuffer numbers);
}

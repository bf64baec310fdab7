package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.util.OptionalInt;

/**
 * The training loop.
 *
 * @param batchSize samples a step on each rank; present if and only if {@code globalBatch} is not
 * @param globalBatch samples a step over all ranks
 * @param dropLast of the sampler: drop the samples that do not divide among the ranks instead of repeating some
 */
public record TrainConfig(
        int epochs, OptionalInt batchSize, OptionalInt globalBatch, boolean shuffle, boolean dropLast) {

    /**
     * Samples a step on each of {@code ranks} ranks.
     *
     * @throws InvalidInputException if the ranks do not divide the global batch
     */
    public int batchPerRank(int ranks) {
        if (batchSize.isPresent()) {
            return batchSize.getAsInt();
        }
        int global = globalBatch.getAsInt();
        if (global % ranks != 0) {
            throw new InvalidInputException("train.global-batch is " + global + ", which " + ranks
                    + " ranks do not divide; choose a multiple of " + ranks + " or another number of ranks");
        }
        return global / ranks;
    }
}

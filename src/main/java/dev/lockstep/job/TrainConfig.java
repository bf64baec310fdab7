package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The training loop.
 *
 * @param batchSize samples of a micro-batch on each rank; present if and only if {@code globalBatch} is not
 * @param globalBatch samples a step over all ranks and micro-batches
 * @param accumulate micro-batches of a step, whose gradients are added up before they are sent; at least 1
 * @param dropLast of the sampler: drop the samples that do not divide among the ranks instead of repeating some
 * @param clipNorm what the norm of all gradients is held to, above 0; empty: it is not
 * @param clipValue what each element of the gradients is held to, above 0; empty: it is not
 */
public record TrainConfig(
        int epochs, OptionalInt batchSize, OptionalInt globalBatch, int accumulate, boolean shuffle, boolean dropLast,
        OptionalDouble clipNorm, OptionalDouble clipValue) {

    /**
     * Samples of a micro-batch on each of {@code ranks} ranks.
     *
     * @throws InvalidInputException if the ranks and their micro-batches do not divide the global batch
     */
    public int batchPerRank(int ranks) {
        if (batchSize.isPresent()) {
            return batchSize.getAsInt();
        }
        int global = globalBatch.getAsInt();
        long batches = (long) ranks * accumulate;
        if (global % batches != 0) {
            throw new InvalidInputException("train.global-batch is " + global + ", which " + batches
                    + (accumulate == 1 ? " ranks" : " micro-batches a step (train.accumulate " + accumulate + " on " + ranks
                            + (ranks == 1 ? " rank)" : " ranks)"))
                    + " do not divide; choose a multiple of " + batches + " or another number of ranks");
        }
        return (int) (global / batches);
    }

    /**
     * Samples a step over {@code ranks} ranks.
     *
     * @throws InvalidInputException as {@link #batchPerRank}
     */
    public long stepSamples(int ranks) {
        return (long) batchPerRank(ranks) * accumulate * ranks;
    }
}

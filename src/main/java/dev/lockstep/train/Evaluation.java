package dev.lockstep.train;

/**
 * A model's result on a data set, each sample counted once.
 *
 * @param loss     mean over the samples
 * @param accuracy share of the samples whose label has the largest logit, 0 … 1
 */
public record Evaluation(double loss, double accuracy, long samples) {
}

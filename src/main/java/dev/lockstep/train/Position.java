package dev.lockstep.train;

/**
 * Where training stands between two steps. With the seed it tells all that is drawn from then on: the initial weights
 * are past, and every epoch's order begins from a seed of its own.
 *
 * @param epoch      to go on with, from 1 on
 * @param consumed   samples of that epoch that all ranks together have trained on, the sampler's padding included: so many
 *                   of the beginning of its order
 * @param step       steps since the start of training
 * @param sums       of that epoch so far
 * @param validation of the model so far
 */
public record Position(int epoch, long consumed, long step, Sums sums, ValidationProgress validation) {
    public static final Position START = new Position(1, 0, 0, Sums.NONE, ValidationProgress.NONE);

    /**
     * Over all ranks.
     *
     * @param loss    of the samples' losses
     * @param seconds of training, evaluation and checkpoints left out
     */
    public record Sums(double loss, double samples, double seconds) {
        static final Sums NONE = new Sums(0, 0, 0);

        Sums plus(double moreLoss, double moreSamples, double moreSeconds) {
            return new Sums(loss + moreLoss, samples + moreSamples, seconds + moreSeconds);
        }
    }
}

package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import dev.lockstep.random.Mt19937;

/**
 * Divides a data set among ranks exactly as torch.utils.data.DistributedSampler does: every rank gets equally many
 * samples, those of the permutation's positions rank, rank + ranks, … Where the ranks do not divide the samples, the
 * permutation is repeated from its start, or, with dropLast, its tail is left out. Not for use by several threads at
 * once.
 *
 * <p>As ranks go through their shards side by side, what they have consumed together is a beginning of the permutation.
 * So an epoch that was left in the middle goes on with the rest of it, dealt out in the same way, among whatever number
 * of ranks there is now.
 */
public final class DistributedSampler {
    private final int samples;
    private final int ranks;
    private final int rank;
    private final boolean shuffle;
    private final long seed;
    private final boolean dropLast;
    private final Mt19937 generator;
    /** Kept from epoch to epoch, so that an epoch allocates nothing; null without shuffle. */
    private final int[] permutation;

    /**
     * @param samples at least 1
     * @param rank    0 … ranks − 1
     * @param seed    the same on all ranks
     * @throws InvalidInputException for more samples than can be shuffled as PyTorch shuffles them
     */
    public DistributedSampler(int samples, int ranks, int rank, boolean shuffle, long seed, boolean dropLast) {
        checkShard(samples, ranks, rank);
        if (shuffle && samples >= Mt19937.PERMUTATION_LIMIT) {
            throw new InvalidInputException("the training data has " + samples + " samples, but fewer than "
                    + Mt19937.PERMUTATION_LIMIT + " can be shuffled: set train.shuffle to false");
        }
        this.samples = samples;
        this.ranks = ranks;
        this.rank = rank;
        this.shuffle = shuffle;
        this.seed = seed;
        this.dropLast = dropLast;
        this.generator = new Mt19937(seed);
        this.permutation = shuffle ? new int[samples] : null;
    }

    /** Indices that each rank gets in each epoch; 0 if fewer samples than ranks meet dropLast. */
    public int samplesPerRank() {
        return samplesPerRank(0);
    }

    /**
     * Indices that each rank still gets in an epoch of which {@code consumed} samples are done.
     *
     * @param consumed by all ranks together, the padding included
     */
    public int samplesPerRank(long consumed) {
        int left = (int) Math.max(0, samples - consumed);
        return dropLast || left % ranks == 0 ? left / ranks : left / ranks + 1;
    }

    /**
     * Overwrites {@code target} with this rank's indices, in their order.
     *
     * @param epoch  what a PyTorch script hands to set_epoch, from 0 on; seed + epoch seeds the shuffle
     * @param target of {@link #samplesPerRank} elements
     */
    public void indices(long epoch, int[] target) {
        indices(epoch, 0, target);
    }

    /** As above, of what is left of an epoch of which {@code consumed} samples are done. */
    public void indices(long epoch, long consumed, int[] target) {
        int count = samplesPerRank(consumed);
        if (target.length != count) {
            throw new IllegalArgumentException(target.length + " elements for " + count + " indices");
        }
        if (shuffle) {
            generator.seed(seed + epoch);
            generator.randperm(permutation);
        }
        for (int i = 0; i < count; i++) {
            int position = (int) ((consumed + rank + (long) i * ranks) % samples);
            target[i] = shuffle ? permutation[position] : position;
        }
    }

    static void checkShard(int samples, int ranks, int rank) {
        if (samples < 1 || ranks < 1 || rank < 0 || rank >= ranks) {
            throw new IllegalArgumentException(samples + " samples for rank " + rank + " of " + ranks);
        }
    }
}

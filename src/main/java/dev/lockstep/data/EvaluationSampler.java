package dev.lockstep.data;

/** Divides a data set among ranks for evaluation: each sample goes to one rank, none is repeated. */
public final class EvaluationSampler {
    private EvaluationSampler() {
    }

    /** The indices rank, rank + ranks, … below {@code samples}; none for the last ranks if the ranks are more. */
    public static int[] indices(int samples, int ranks, int rank) {
        DistributedSampler.checkShard(samples, ranks, rank);
        int[] indices = new int[samples / ranks + (rank < samples % ranks ? 1 : 0)];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = rank + i * ranks;
        }
        return indices;
    }
}

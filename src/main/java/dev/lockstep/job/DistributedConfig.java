package dev.lockstep.job;

/**
 * How gradients are reduced over the ranks.
 *
 * @param firstBucketBytes size at which the first bucket closes, so that communication starts early
 * @param bucketBytes size at which every other bucket closes
 * @param chunkBytes most bytes in one call of the communicator; its counts are ints, hence below 2 GiB
 * @param overlap whether reduction runs beside backward
 * @param sharedMemory whether ranks of a machine sum gradients in memory that they share, where they can; else by MPI
 */
public record DistributedConfig(long firstBucketBytes, long bucketBytes, long chunkBytes, boolean overlap,
        boolean sharedMemory) {}

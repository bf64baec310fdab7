package dev.lockstep.bench;

/**
 * What sums of one size took.
 *
 * @param elementCount        floats
 * @param iterations          sums that were timed, each way
 * @param communicationThread handed over to that thread and awaited, as training does beside backward
 * @param callingThread       run by the caller, as training does where there is nothing to overlap
 */
public record AllReduceResult(int elementCount, int ranks, int iterations, Timing communicationThread,
        Timing callingThread) {
    /**
     * One way of summing: the times of the rank whose mean is largest.
     *
     * @param seconds           mean of a loop's iterations
     * @param collectiveSeconds within the communication library: mean of the shortest over ranks, so that waiting for a
     *                          rank that comes late does not count
     * @param wrongElements     of all ranks, in a sum before the timed ones
     */
    public record Timing(double seconds, double p50Seconds, double p99Seconds, double collectiveSeconds,
            long wrongElements) {
        /** All but the collective: the way from the caller to it and back, and how unlike the ranks are in that. */
        public double handOverSeconds() {
            return seconds - collectiveSeconds;
        }
    }

    public long bytes() {
        return (long) elementCount * Float.BYTES;
    }

    public long wrongElements() {
        return communicationThread.wrongElements() + callingThread.wrongElements();
    }

    /** nccl-tests' algbw in GB/s: bytes of the buffer by time. */
    public double algorithmBandwidth(Timing timing) {
        return bytes() / timing.seconds() * 1e-9;
    }

    /**
     * nccl-tests' busbw in GB/s: what each rank must at least send, 2 (ranks - 1) / ranks of the buffer, by time; comparable
     * with a link's bandwidth whatever the number of ranks.
     */
    public double busBandwidth(Timing timing) {
        return algorithmBandwidth(timing) * 2 * (ranks - 1) / ranks;
    }
}

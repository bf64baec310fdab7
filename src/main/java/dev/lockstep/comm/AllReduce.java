package dev.lockstep.comm;

/**
 * One buffer's sum over all ranks, run once a step. Either {@link #start} and later {@link #await}, with the
 * communication thread working in between, or {@link #run} by the caller alone. Reductions that are started go out in
 * the order of their starts, which is the same on every rank.
 */
public interface AllReduce {
    /** A reduction as messages name it: {@code "allReduce 3 of 1024 floats (bucket 0)"}. */
    static String operation(int index, int count, String name) {
        return operation(index, count + " floats", name);
    }

    /** As above, of {@code "1024 doubles"}. */
    static String operation(int index, String numbers, String name) {
        return "allReduce " + index + " of " + numbers + (name.isEmpty() ? "" : " (" + name + ")");
    }

    /**
     * Hands the buffer to the communication thread.
     *
     * @throws IllegalStateException if it is already under way
     */
    void start();

    /**
     * Blocks until the sum is in the buffer.
     *
     * @throws IllegalStateException  if it was not started
     * @throws CommunicationException if the reduction failed
     */
    void await();

    /** Whether {@link #await} would return at once. */
    boolean isDone();

    /**
     * Sums on the calling thread, sparing the hand-over.
     *
     * @throws IllegalStateException  if any reduction of this communicator is under way
     * @throws CommunicationException if the reduction failed
     */
    void run();
}

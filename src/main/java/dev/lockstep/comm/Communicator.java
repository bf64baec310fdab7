package dev.lockstep.comm;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * The ranks of a job and the collectives that training needs. Every rank calls the same collectives in the same
 * order. All methods but {@link #abort}, {@link #state} and the handles' are called by one thread at a time.
 *
 * <p>A collective that fails throws {@link CommunicationException}.
 */
public interface Communicator extends AutoCloseable {
    /** 0 … size − 1. */
    int rank();

    /** Ranks in the job. */
    int size();

    /** This rank's position among the ranks of its machine. */
    int localRank();

    /** Ranks of the job on this rank's machine. */
    int localSize();

    /**
     * Whether the thread that computes has no core but that of the communication thread, which then leaves it that while it
     * waits for other ranks. By default it has.
     */
    default void setCoreShared(boolean shared) {
    }

    /**
     * Zeroed memory whose ranges {@link #prepareAllReduce} sums where they lie, without a copy on the way. Collective; the
     * same {@code bytes} on all ranks.
     *
     * @param bytes 0 on a rank that has no use for it
     * @return refused on all ranks, unless all want it and each machine has as many of them, at least two, sharing its memory
     */
    default Sharing<? extends HostMemory> shareMemory(long bytes) {
        return Sharing.refused("these ranks share no memory");
    }

    /** For a person: {@code "Open MPI 4.1.4"}, {@code "one rank without MPI"}. */
    String description();

    /**
     * A reusable in-place sum over all ranks, as MPI's persistent collectives: nothing is allocated when it runs.
     *
     * @param name   what is summed, for messages: {@code "bucket 0"}; empty if there is nothing to say
     * @param floats a direct buffer in native byte order, of the same length on every rank; all of its bytes from 0
     *               to its capacity take part
     * @param transfer fills {@code floats} before each sum and takes the sum from it; not called where this rank is alone
     */
    AllReduce prepareAllReduce(String name, ByteBuffer floats, HostTransfer transfer);

    /** As above, of doubles: for the few numbers of which floats would lose too much. */
    AllReduce prepareAllReduceOfDoubles(String name, ByteBuffer doubles, HostTransfer transfer);

    /** A sum of floats as above, of memory that is summed where it lies. */
    default AllReduce prepareAllReduce(ByteBuffer floats) {
        return prepareAllReduce("", floats, HostTransfer.NONE);
    }

    /** Overwrites {@code bytes} (direct, 0 to capacity) with {@code root}'s on every rank. Any length. */
    void broadcast(ByteBuffer bytes, int root);

    /** Sums {@code values} over all ranks, element by element, in place, in the same order on every rank. */
    void allReduceSum(double[] values);

    /** Replaces each of {@code values} by the smallest of the ranks', in place; none is NaN. */
    void allReduceMin(double[] values);

    /** Every rank's {@code bytes}, by rank; lengths may differ. For small messages at start-up. */
    List<byte[]> allGather(byte[] bytes);

    /** As above, of numbers. */
    default List<double[]> allGather(double[] values) {
        ByteBuffer own = ByteBuffer.allocate(values.length * Double.BYTES);
        own.asDoubleBuffer().put(values);
        return allGather(own.array()).stream().map(bytes -> {
            double[] theirs = new double[bytes.length / Double.BYTES];
            ByteBuffer.wrap(bytes).asDoubleBuffer().get(theirs);
            return theirs;
        }).toList();
    }

    /** Waits for all ranks, for as long as it takes. */
    void barrier();

    /** Where this rank is among its collectives. Callable by any thread. */
    CollectiveState state();

    /**
     * Ends all ranks with {@code exitStatus}, also ones that wait in a collective. Callable by any thread; may not
     * return.
     */
    void abort(int exitStatus);

    /** Collective: all ranks leave together. */
    @Override
    void close();
}

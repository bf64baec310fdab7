package dev.lockstep.comm.shared;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.LongStream;

/**
 * Floats of each rank, which all ranks of the machine have mapped: their sums need no copies and no system calls but where a
 * rank has to wait for another. Nothing of it has a name, so nothing stays behind, however the ranks end.
 */
public final class SharedMemory implements HostMemory, AutoCloseable {
    private static final int TOKEN_BYTES = 16;

    private final int rank;
    private final long bytes;
    /** By rank. */
    private final long[] blocks;
    private final ByteBuffer blockAddresses;
    /** Of the last sum. */
    private int sum;

    private SharedMemory(int rank, long bytes, long[] blocks) {
        this.rank = rank;
        this.bytes = bytes;
        this.blocks = blocks;
        blockAddresses = ByteBuffer.allocateDirect(blocks.length * Long.BYTES).order(ByteOrder.nativeOrder());
        blockAddresses.asLongBuffer().put(blocks);
    }

    /**
     * Zeroed memory. Collective; the same {@code bytes} on all ranks.
     *
     * @param bytes 0 on a rank that has no use for it
     * @return empty on all ranks, unless there are several that share one machine and its memory and all want it
     */
    public static Optional<SharedMemory> of(Communicator communicator, long bytes) {
        int size = communicator.size();
        boolean wanted = bytes > 0 && size > 1 && communicator.localSize() == size && SharedBlocks.areLoaded();
        int file = wanted ? SharedBlocks.create(bytes) : -1;
        long process = ProcessHandle.current().pid();
        long own = file < 0 ? 0 : SharedBlocks.map(process, file, bytes);
        byte[] token = new byte[TOKEN_BYTES];
        if (own != 0) {
            ThreadLocalRandom.current().nextBytes(token);
            SharedBlocks.token(own).put(0, token);
        }
        List<byte[]> offers = communicator.allGather(ByteBuffer.allocate(Long.BYTES + Integer.BYTES + TOKEN_BYTES)
                .putLong(process).putInt(file).put(token).array());
        long[] blocks = new long[size];
        for (int r = 0; r < size && own != 0; r++) {
            blocks[r] = r == communicator.rank() ? own : map(ByteBuffer.wrap(offers.get(r)), bytes);
        }
        double[] mapped = {LongStream.of(blocks).allMatch(block -> block != 0) ? 1 : 0};
        communicator.allReduceMin(mapped);
        if (file >= 0) {
            // All have mapped what they could of it.
            SharedBlocks.closeFile(file);
        }
        SharedMemory memory = new SharedMemory(communicator.rank(), bytes, blocks);
        if (mapped[0] == 0) {
            memory.close();
            return Optional.empty();
        }
        return Optional.of(memory);
    }

    /** 0 where the offer means nothing here: no memory, or processes that do not see each other. */
    private static long map(ByteBuffer offer, long bytes) {
        long process = offer.getLong();
        int file = offer.getInt();
        long block = file < 0 ? 0 : SharedBlocks.map(process, file, bytes);
        if (block != 0 && !SharedBlocks.token(block).slice(0, TOKEN_BYTES).equals(offer.slice())) {
            SharedBlocks.unmap(block, bytes);
            return 0;
        }
        return block;
    }

    @Override
    public long address() {
        return SharedBlocks.numbers(blocks[rank]);
    }

    @Override
    public long bytes() {
        return bytes;
    }

    /** Whether the buffer (direct, 0 to capacity) lies in this rank's part. */
    public boolean contains(ByteBuffer buffer) {
        long offset = SharedBlocks.address(buffer) - address();
        return offset >= 0 && offset + buffer.capacity() <= bytes;
    }

    /**
     * Sums floats over all ranks where they lie, in the order of the ranks. Collective: every rank gives the same range of
     * its part. By one thread at a time.
     *
     * @param floats in this rank's part, from 0 to capacity
     * @param spin   whether the calling thread has a core to itself, and may look for the others for a while before it sleeps
     */
    public void sum(ByteBuffer floats, boolean spin) {
        long offset = SharedBlocks.address(floats) - address();
        Objects.checkFromIndexSize(offset, floats.capacity(), bytes);
        sum++;
        SharedBlocks.sum(SharedBlocks.address(blockAddresses), rank, blocks.length, offset / Float.BYTES,
                floats.capacity() / Float.BYTES, sum, spin);
    }

    /** Nothing of it, nor of buffers in it, may be used any more. Not collective. */
    @Override
    public void close() {
        for (int r = 0; r < blocks.length; r++) {
            if (blocks[r] != 0) {
                SharedBlocks.unmap(blocks[r], bytes);
                blocks[r] = 0;
            }
        }
    }
}

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
 * Floats of each rank, which all ranks of its machine have mapped: their sums need no copies, and no system calls but where a
 * rank has to wait for another. Nothing of it has a name, so nothing stays behind, however the ranks end.
 */
public final class SharedMemory implements HostMemory, AutoCloseable {
    private static final int TOKEN_BYTES = 16;

    private final int localRank;
    private final int machines;
    private final long bytes;
    /** By local rank. */
    private final long[] blocks;
    private final ByteBuffer blockAddresses;
    /** Of the last sum. */
    private int sum;

    private SharedMemory(int localRank, int machines, long bytes, long[] blocks) {
        this.localRank = localRank;
        this.machines = machines;
        this.bytes = bytes;
        this.blocks = blocks;
        blockAddresses = ByteBuffer.allocateDirect(blocks.length * Long.BYTES).order(ByteOrder.nativeOrder());
        blockAddresses.asLongBuffer().put(blocks);
    }

    /**
     * Zeroed memory. Collective; the same {@code bytes} on all ranks.
     *
     * @param machine the same number on the ranks of a machine and on no others
     * @param bytes   0 on a rank that has no use for it
     * @return empty on all ranks, unless all want it, and each machine has the same number of them, at least two, that see
     *         each other's memory
     */
    public static Optional<SharedMemory> of(Communicator communicator, int machine, long bytes) {
        int ranks = communicator.localSize();
        boolean wanted = bytes > 0 && ranks > 1 && SharedBlocks.areLoaded();
        int file = wanted ? SharedBlocks.create(bytes) : -1;
        Offer offer = new Offer(machine, communicator.localRank(), ProcessHandle.current().pid(), file);
        long own = offer.map(bytes);
        if (own != 0) {
            SharedBlocks.token(own).put(0, offer.token);
        }
        List<Offer> offers = communicator.allGather(offer.toBytes()).stream().map(Offer::new).toList();
        long[] blocks = new long[ranks];
        offers.stream().filter(each -> own != 0 && each.machine == machine).forEach(each ->
                blocks[each.localRank] = each.localRank == offer.localRank ? own : each.mapIfMeant(bytes));
        int machines = (int) offers.stream().mapToInt(each -> each.machine).distinct().count();
        boolean mapped = LongStream.of(blocks).allMatch(block -> block != 0) && machines * ranks == communicator.size();
        double[] allMapped = {mapped ? 1 : 0};
        communicator.allReduceMin(allMapped);
        if (file >= 0) {
            // The others have mapped what they could of it.
            SharedBlocks.closeFile(file);
        }
        SharedMemory memory = new SharedMemory(offer.localRank, machines, bytes, blocks);
        if (allMapped[0] == 0) {
            memory.close();
            return Optional.empty();
        }
        return Optional.of(memory);
    }

    /** What a rank tells the others of its file, which its process has open. */
    private static final class Offer {
        private static final int BYTES = 3 * Integer.BYTES + Long.BYTES + TOKEN_BYTES;

        private final int machine;
        private final int localRank;
        private final long process;
        private final int file;
        private final byte[] token = new byte[TOKEN_BYTES];

        Offer(int machine, int localRank, long process, int file) {
            this.machine = machine;
            this.localRank = localRank;
            this.process = process;
            this.file = file;
            ThreadLocalRandom.current().nextBytes(token);
        }

        Offer(byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            machine = buffer.getInt();
            localRank = buffer.getInt();
            process = buffer.getLong();
            file = buffer.getInt();
            buffer.get(token);
        }

        byte[] toBytes() {
            return ByteBuffer.allocate(BYTES).putInt(machine).putInt(localRank).putLong(process).putInt(file).put(token).array();
        }

        /** 0 where there is nothing to map. */
        long map(long bytes) {
            return file < 0 ? 0 : SharedBlocks.map(process, file, bytes);
        }

        /** As above; also 0 where another process has that number here, as in a container of its own. */
        long mapIfMeant(long bytes) {
            long block = map(bytes);
            if (block != 0 && !SharedBlocks.token(block).slice(0, TOKEN_BYTES).equals(ByteBuffer.wrap(token))) {
                SharedBlocks.unmap(block, bytes);
                return 0;
            }
            return block;
        }
    }

    @Override
    public long address() {
        return SharedBlocks.numbers(blocks[localRank]);
    }

    @Override
    public long bytes() {
        return bytes;
    }

    @Override
    public ByteBuffer view(long offset, int count) {
        Objects.checkFromIndexSize(offset, (long) count, bytes);
        return SharedBlocks.view(address() + offset, count).order(ByteOrder.nativeOrder());
    }

    /** Whether the ranks are on several machines, so that their parts of a sum have to be summed over these, too. */
    public boolean spansMachines() {
        return machines > 1;
    }

    /** Whether the buffer (direct, 0 to capacity) lies in this rank's part. */
    public boolean contains(ByteBuffer buffer) {
        long offset = SharedBlocks.address(buffer) - address();
        return offset >= 0 && offset + buffer.capacity() <= bytes;
    }

    /**
     * A sum of floats where they lie, in the order of the ranks; every rank prepares it for the same range of its memory.
     *
     * @param floats in this rank's memory, from 0 to capacity
     */
    public Sum prepare(ByteBuffer floats) {
        return new Sum(floats);
    }

    /**
     * One range's sum: each rank makes a part of it. One sum at a time, by one thread, in the same order on all ranks;
     * {@code spin} tells whether the thread has a core to itself, and may look for the others for a while before it sleeps.
     */
    public final class Sum {
        private final long first;
        private final long end;
        private final ByteBuffer part;

        private Sum(ByteBuffer floats) {
            long offset = SharedBlocks.address(floats) - address();
            Objects.checkFromIndexSize(offset, floats.capacity(), bytes);
            long count = floats.capacity() / Float.BYTES;
            int start = (int) SharedBlocks.partStart(count, localRank, blocks.length);
            int partEnd = (int) SharedBlocks.partStart(count, localRank + 1, blocks.length);
            first = offset / Float.BYTES + start;
            end = offset / Float.BYTES + partEnd;
            part = floats.slice(start * Float.BYTES, (partEnd - start) * Float.BYTES).order(ByteOrder.nativeOrder());
        }

        /** This rank's part; may be empty. The ranks of other machines with the same local rank have the same. */
        public ByteBuffer part() {
            return part;
        }

        /** Sums over the ranks of the machine. Collective. */
        public void run(boolean spin) {
            sum++;
            SharedBlocks.sumPart(SharedBlocks.address(blockAddresses), localRank, blocks.length, first, end, sum, true, spin);
            SharedBlocks.finish(SharedBlocks.address(blockAddresses), localRank, blocks.length, first, end, sum, false, spin);
        }

        /** Sums the part over the ranks of the machine; {@link #finish} has to follow. Collective. */
        public void sumPart(boolean spin) {
            sum++;
            SharedBlocks.sumPart(SharedBlocks.address(blockAddresses), localRank, blocks.length, first, end, sum, false, spin);
        }

        /** Gives the part, summed over the machines by now, to the ranks of this one, and takes theirs. Collective. */
        public void finish(boolean spin) {
            SharedBlocks.finish(SharedBlocks.address(blockAddresses), localRank, blocks.length, first, end, sum, true, spin);
        }
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

package dev.lockstep.comm.shared;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostMemory;
import dev.lockstep.comm.Sharing;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Floats of each rank, which all ranks of its machine have mapped: their sums need no copies, and no system calls but where a
 * rank has to wait for another. Nothing of it has a name, so nothing stays behind, however the ranks end.
 */
public final class SharedMemory implements HostMemory {
    private static final int TOKEN_BYTES = 16;
    /** Of 8192 CPUs. */
    private static final int CPU_MASK_BYTES = 1024;

    private final int localRank;
    private final int machines;
    /** Whether as many ranks as there are CPUs, or fewer, may run on those of this one: else none looks for the others. */
    private final boolean coresSuffice;
    private final long bytes;
    /** By local rank. */
    private final long[] blocks;
    private final ByteBuffer blockAddresses;
    /** Of the last sum. */
    private int sum;

    private SharedMemory(int localRank, int machines, long bytes, long[] blocks, boolean coresSuffice) {
        this.coresSuffice = coresSuffice;
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
     * @return refused on all ranks, unless all want it, and each machine has the same number of them, at least two, that can
     *         map each other's memory
     */
    public static Sharing<SharedMemory> of(Communicator communicator, int machine, long bytes) {
        Block own = Block.create(bytes, communicator.localSize());
        long[] blocks = new long[communicator.localSize()];
        blocks[communicator.localRank()] = own.address;
        List<Offer> offers = communicator.allGather(new Offer(machine, communicator.localRank(), own).toBytes()).stream()
                .map(Offer::new).toList();
        List<Offer> here = offers.stream().filter(offer -> offer.machine == machine).toList();
        String problem = own.problem;
        for (Offer offer : here) {
            if (problem.isEmpty() && offer.file >= 0 && offer.localRank != communicator.localRank()) {
                long block = SharedBlocks.mapOfProcess(offer.process, offer.file, bytes, offer.token);
                blocks[offer.localRank] = Math.max(0, block);
                problem = block > 0 ? "" : "cannot open the memory of another: " + SharedBlocks.errorText((int) -block);
            }
        }
        List<String> problems = communicator.allGather(problem.getBytes(StandardCharsets.UTF_8)).stream()
                .map(text -> new String(text, StandardCharsets.UTF_8)).toList();
        own.closeFile();
        Map<Integer, Long> ranksByMachine =
                offers.stream().collect(Collectors.groupingBy(offer -> offer.machine, Collectors.counting()));
        boolean alike = ranksByMachine.values().stream().distinct().count() == 1;
        SharedMemory memory = new SharedMemory(communicator.localRank(), ranksByMachine.size(), bytes, blocks,
                here.stream().filter(own::sharesCpus).count() <= own.cpus.cardinality());
        Optional<String> refusal = IntStream.range(0, problems.size()).filter(rank -> !problems.get(rank).isEmpty())
                .mapToObj(rank -> "rank " + rank + " " + problems.get(rank)).findFirst();
        if (refusal.isPresent() || !alike) {
            memory.close();
            return Sharing.refused(refusal.orElse("the machines have different numbers of ranks"));
        }
        return Sharing.of(memory);
    }

    /** What this rank can give. */
    private static final class Block {
        private final ByteBuffer token = ByteBuffer.allocateDirect(TOKEN_BYTES);
        private final BitSet cpus;
        private int file = -1;
        private long address;
        private String problem = "";

        private Block(BitSet cpus) {
            this.cpus = cpus;
            token.putLong(0, ThreadLocalRandom.current().nextLong()).putLong(Long.BYTES, ThreadLocalRandom.current().nextLong());
        }

        static Block create(long bytes, int localRanks) {
            if (bytes == 0 || localRanks == 1 || !SharedBlocks.areLoaded()) {
                Block none = new Block(new BitSet());
                none.problem = bytes == 0 ? "has no use for shared memory" : localRanks == 1 ? "is alone on its machine"
                        : "finds no liblockstep_sums.so, which 'make build' makes";
                return none;
            }
            ByteBuffer mask = ByteBuffer.allocateDirect(CPU_MASK_BYTES);
            Block block = new Block(SharedBlocks.cpus(mask) ? BitSet.valueOf(mask) : new BitSet());
            block.file = SharedBlocks.create(bytes, block.token);
            long mapped = block.file < 0 ? block.file : SharedBlocks.map(block.file, bytes);
            block.address = Math.max(0, mapped);
            block.problem = mapped > 0 ? "" : "can have no memory to share: " + SharedBlocks.errorText((int) -mapped);
            return block;
        }

        /** When the others have mapped it. */
        void closeFile() {
            if (file >= 0) {
                SharedBlocks.closeFile(file);
            }
        }

        boolean sharesCpus(Offer other) {
            return other.cpus.intersects(cpus);
        }
    }

    /** What a rank tells the others of its block, whose file its process has open. */
    private static final class Offer {
        private static final int BYTES = 3 * Integer.BYTES + Long.BYTES + TOKEN_BYTES;

        private final int machine;
        private final int localRank;
        private final long process;
        private final int file;
        private final ByteBuffer token;
        private final BitSet cpus;

        Offer(int machine, int localRank, Block block) {
            this.machine = machine;
            this.localRank = localRank;
            process = ProcessHandle.current().pid();
            file = block.file;
            token = block.token;
            cpus = block.cpus;
        }

        Offer(byte[] bytes) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            machine = buffer.getInt();
            localRank = buffer.getInt();
            process = buffer.getLong();
            file = buffer.getInt();
            token = ByteBuffer.allocateDirect(TOKEN_BYTES).put(buffer.slice().limit(TOKEN_BYTES));
            cpus = BitSet.valueOf(buffer.position(BYTES));
        }

        byte[] toBytes() {
            byte[] mask = cpus.toByteArray();
            return ByteBuffer.allocate(BYTES + mask.length).putInt(machine).putInt(localRank).putLong(process).putInt(file)
                    .put(token.duplicate().clear()).put(mask).array();
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

    public boolean isClosed() {
        return blocks[localRank] == 0;
    }

    /** Whether the buffer (direct, 0 to capacity) lies in this rank's part. */
    public boolean contains(ByteBuffer buffer) {
        if (isClosed()) {
            return false;
        }
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
            sumPart(true, spin);
            finish(false, spin);
        }

        /** Sums the part over the ranks of the machine; {@link #finish} has to follow. Collective. */
        public void sumPart(boolean spin) {
            sumPart(false, spin);
        }

        /** Gives the part, summed over the machines by now, to the ranks of this one, and takes theirs. Collective. */
        public void finish(boolean spin) {
            finish(true, spin);
        }

        private void sumPart(boolean toAll, boolean spin) {
            sum++;
            SharedBlocks.sumPart(SharedBlocks.address(blockAddresses), localRank, blocks.length, first, end, sum, toAll,
                    spin && coresSuffice);
        }

        private void finish(boolean copy, boolean spin) {
            SharedBlocks.finish(SharedBlocks.address(blockAddresses), localRank, blocks.length, first, end, sum, copy,
                    spin && coresSuffice);
        }
    }

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

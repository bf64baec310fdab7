package dev.lockstep.comm.shared;

import java.nio.ByteBuffer;

/** The compiled half of this package (src/main/native/sums). Addresses and counts are taken on trust. */
final class SharedBlocks {
    private static final boolean LOADED = load();

    private SharedBlocks() {
    }

    private static boolean load() {
        try {
            System.loadLibrary("lockstep_sums");
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    /** Whether the library is there; nothing else may be called where it is not. */
    static boolean areLoaded() {
        return LOADED;
    }

    /**
     * An open file without a name that holds a block for so many bytes of numbers; −errno where it can't be had.
     *
     * @param token 16 bytes that the file is known by
     */
    static native int create(long bytes, ByteBuffer token);

    static native void closeFile(int file);

    /** The address of the block in an open file of this process; −errno where it can't be mapped. */
    static native long map(int file, long bytes);

    /** The same of a file that another process has open and that was created with this token. */
    static native long mapOfProcess(long process, int openFile, long bytes, ByteBuffer token);

    /** What the system calls an errno. */
    static native String errorText(int error);

    /** The CPUs that the calling thread may run on, a bit each; false where there are more of them than bits. */
    static native boolean cpus(ByteBuffer mask);

    static native void unmap(long block, long bytes);

    /** Where a block's numbers begin. */
    static native long numbers(long block);

    static native long address(ByteBuffer buffer);

    static native ByteBuffer view(long address, long bytes);

    /** The first of the numbers that a rank sums, of {@code count}; for {@code ranks} the end. */
    static native long partStart(long count, int rank, int ranks);

    /**
     * Sums this rank's part of a range over all ranks: into all blocks, or into its own alone.
     *
     * @param blocks address of the blocks' addresses, by rank
     * @param first  element of the part, and {@code end} the one behind its last
     * @param sum    one more than in the sum before
     * @param spin   whether to look for the others for a while before sleeping
     */
    static native void sumPart(long blocks, int rank, int ranks, long first, long end, int sum, boolean toAll, boolean spin);

    /**
     * Waits until the others' parts are in this rank's block.
     *
     * @param copy whether this rank's part is still to be copied from its block to theirs
     */
    static native void finish(long blocks, int rank, int ranks, long first, long end, int sum, boolean copy, boolean spin);
}

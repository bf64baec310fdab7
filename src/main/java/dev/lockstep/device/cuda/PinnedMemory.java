package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaErrorMemoryAllocation;
import static org.bytedeco.cuda.global.cudart.cudaFreeHost;
import static org.bytedeco.cuda.global.cudart.cudaGetLastError;
import static org.bytedeco.cuda.global.cudart.cudaHostRegister;
import static org.bytedeco.cuda.global.cudart.cudaHostRegisterDefault;
import static org.bytedeco.cuda.global.cudart.cudaHostUnregister;
import static org.bytedeco.cuda.global.cudart.cudaMallocHost;
import static org.bytedeco.cuda.global.cudart.cudaSuccess;

import dev.lockstep.device.OutOfDeviceMemoryException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/** Page-locked host memory, which the GPU copies from and to by itself. Threads may look up while one allocates. */
final class PinnedMemory {
    /** A block of memory as JavaCPP makes a ByteBuffer of it. */
    private static final class Block extends BytePointer {
        Block(long address, int bytes) {
            super((Pointer) null);
            this.address = address;
            this.limit = bytes;
            this.capacity = bytes;
        }
    }

    /** First address and end of each block, in turn. */
    private volatile long[] blocks = {};
    /** The same of memory that is others'. */
    private volatile long[] registered = {};

    /** Zeroed. */
    ByteBuffer allocate(int bytes) {
        return new Block(allocateAddress(bytes), bytes).asByteBuffer().order(ByteOrder.nativeOrder());
    }

    /** @return the address of zeroed memory */
    synchronized long allocateAddress(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("a host buffer of " + bytes + " bytes");
        }
        Address address = new Address(0);
        int status = cudaMallocHost(address, bytes);
        if (status == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            throw new OutOfDeviceMemoryException("not enough memory on the host: " + bytes
                    + " bytes of page-locked memory were asked for; see ulimit -l and the limits of the batch job,"
                    + " or make the model or the batch smaller");
        }
        Cuda.check(status, "cudaMallocHost", bytes);
        Pointer.memset(address, 0, bytes);
        blocks = with(blocks, address.address(), bytes);
        return address.address();
    }

    /** Locks the pages of memory that stays another's. */
    synchronized void register(long address, long bytes) {
        int status = cudaHostRegister(new Address(address), bytes, cudaHostRegisterDefault);
        if (status == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            throw new OutOfDeviceMemoryException("not enough memory on the host: " + bytes
                    + " bytes that the ranks share were to be page-locked; see ulimit -l and the limits of the batch job, make"
                    + " the model smaller, or set distributed.shared-memory to false");
        }
        Cuda.check(status, "cudaHostRegister", bytes);
        registered = with(registered, address, bytes);
    }

    private static long[] with(long[] blocks, long address, long bytes) {
        long[] all = Arrays.copyOf(blocks, blocks.length + 2);
        all[all.length - 2] = address;
        all[all.length - 1] = address + bytes;
        return all;
    }

    /**
     * The address of {@code buffer}'s first remaining byte.
     *
     * @throws IllegalArgumentException if its remaining bytes are not of this memory
     */
    long address(ByteBuffer buffer) {
        if (buffer.isDirect()) {
            long start = Address.of(buffer);
            long end = start + buffer.remaining();
            if (holds(blocks, start, end) || holds(registered, start, end)) {
                return start;
            }
        }
        throw new IllegalArgumentException("a copy on a stream needs host memory of the device's own allocateHost, or registered with it");
    }

    private static boolean holds(long[] blocks, long start, long end) {
        for (int i = 0; i < blocks.length; i += 2) {
            if (blocks[i] <= start && end <= blocks[i + 1]) {
                return true;
            }
        }
        return false;
    }

    /** @return {@code status}, if that is a failure, else the first failure, if any */
    synchronized int free(int status) {
        long[] all = blocks;
        blocks = new long[0];
        int first = status;
        for (int i = 0; i < all.length; i += 2) {
            int own = cudaFreeHost(new Address(all[i]));
            first = first == cudaSuccess ? own : first;
        }
        all = registered;
        registered = new long[0];
        for (int i = 0; i < all.length; i += 2) {
            int own = cudaHostUnregister(new Address(all[i]));
            first = first == cudaSuccess ? own : first;
        }
        return first;
    }
}

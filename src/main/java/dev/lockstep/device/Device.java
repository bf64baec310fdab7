package dev.lockstep.device;

import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Where a rank computes. One thread at a time may enqueue work; closing the device frees all that was allocated
 * through it.
 */
public interface Device extends AutoCloseable {
    /** What it is, for a person: {@code "CPU (oneDNN 3.11.0, AVX-512, 1 thread)"}. */
    String description();

    /**
     * Zeroed memory.
     *
     * @throws OutOfDeviceMemoryException naming what was asked for
     */
    DeviceBuffer allocate(DataType type, long elementCount);

    /**
     * Type of activations, of their gradients, and of the parameters as the matrix products read them; parameters are
     * kept and their gradients computed in FLOAT32 all the same.
     */
    default DataType computeType() {
        return DataType.FLOAT32;
    }

    /**
     * Zeroed memory on the host's side of the bus, for data that is too large for the device: operations read it where it
     * lies. The device's own memory where that is the host's.
     *
     * @throws OutOfDeviceMemoryException naming what was asked for
     */
    default DeviceBuffer allocateOnHost(DataType type, long elementCount) {
        return allocate(type, elementCount);
    }

    /** Whether {@link #register} takes host memory that others have allocated. */
    default boolean takesHostMemory() {
        return false;
    }

    /**
     * Makes host memory of another such as {@link #allocateHost} gives.
     *
     * @param address of its first byte, a multiple of 64
     * @param giveBack called once this device does not use it any more, when it is closed
     * @return empty where the device computes in memory of its own; else a buffer of the floats there, counted as allocated
     * @throws OutOfDeviceMemoryException naming what was asked for
     * @throws UnsupportedOperationException unless {@link #takesHostMemory}
     */
    default Optional<DeviceBuffer> register(long address, long bytes, Runnable giveBack) {
        throw new UnsupportedOperationException(description() + " takes no memory of others");
    }

    /**
     * Zeroed host memory that enqueued copies go from and to; at most 2 GiB.
     *
     * @throws OutOfDeviceMemoryException naming what was asked for
     */
    ByteBuffer allocateHost(int bytes);

    /** The stream that forward, backward and updates run on. */
    Stream computeStream();

    /** Another stream, for a thread of its own: it may be used beside the thread that enqueues on the compute stream. */
    Stream newStream();

    Event newEvent();

    /** One that takes the host's time when it is recorded, for a device whose operations are done when enqueue returns. */
    default Timestamp newTimestamp() {
        return new HostTimestamp();
    }

    /**
     * Ties the device's clock, from which timestamps are taken, to System.nanoTime; to be called within the second before
     * they are recorded. Waits for the compute stream.
     */
    default void synchronizeClock() {
        // It is the host's clock.
    }

    Operations operations();

    /**
     * {@code work} made ready to be enqueued on the compute stream again and again at little cost. A device that can
     * records it here, and so runs what of it is Java once, now: the operations that it enqueues and the events that it
     * records are then repeated, the rest is not. Any other returns {@code work} as it is.
     */
    default Operation graph(Operation work) {
        return work;
    }

    /** Bytes allocated through this device so far. */
    long allocatedBytes();

    @Override
    void close();
}

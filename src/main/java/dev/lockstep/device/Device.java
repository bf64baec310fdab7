package dev.lockstep.device;

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

    /** The stream that forward, backward and updates run on. */
    Stream computeStream();

    Event newEvent();

    Operations operations();

    /** Bytes allocated through this device so far. */
    long allocatedBytes();

    @Override
    void close();
}

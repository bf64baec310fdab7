package dev.lockstep.device;

import java.nio.ByteBuffer;

/**
 * Memory of a device, or a slice of it. Buffers belong to the device that allocated them and live until it is closed.
 */
public interface DeviceBuffer {
    DataType type();

    long elementCount();

    default long byteCount() {
        return elementCount() * type().bytes();
    }

    /** A view of {@code elementCount} elements from {@code firstElement} on, sharing this buffer's memory. */
    DeviceBuffer slice(long firstElement, long elementCount);

    /** Whether the host reads and writes this memory directly, so that {@link #hostView} works. */
    boolean isHostAccessible();

    /**
     * This buffer's own memory as a direct buffer in native byte order, at most 2 GiB.
     *
     * @throws IllegalStateException if the memory is not host accessible, or larger
     */
    ByteBuffer hostView();

    /**
     * Overwrites the whole buffer with {@code source}'s remaining bytes, as many as this has; done when it returns.
     * Like {@link ByteBuffer#put(ByteBuffer)} it leaves {@code source} without remaining bytes.
     *
     * @throws IllegalArgumentException if they are more or fewer
     */
    void copyFromHost(ByteBuffer source);

    /**
     * Fills {@code destination}'s remaining bytes, as many as this has, once all enqueued work is done; none remain.
     *
     * @throws IllegalArgumentException if they are more or fewer
     */
    void copyToHost(ByteBuffer destination);

    /**
     * Enqueues on {@code stream} the overwriting of the whole buffer with {@code source}'s remaining bytes; none remain.
     *
     * @param source from {@link Device#allocateHost}, not to be touched before the stream is past the copy
     */
    default void copyFromHost(ByteBuffer source, Stream stream) {
        copyFromHost(source);
    }

    /**
     * Enqueues on {@code stream} the filling of {@code destination}'s remaining bytes; none remain.
     *
     * @param destination from {@link Device#allocateHost}, not to be touched before the stream is past the copy
     */
    default void copyToHost(ByteBuffer destination, Stream stream) {
        copyToHost(destination);
    }
}

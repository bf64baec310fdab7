package dev.lockstep.comm;

import java.nio.ByteBuffer;

/** Host memory that a communicator has given out, until it is closed. */
public interface HostMemory extends AutoCloseable {
    /** Of its first byte: a multiple of 64. */
    long address();

    long bytes();

    /** So many bytes from {@code offset} on, in native byte order. */
    ByteBuffer view(long offset, int count);

    /** Gives it back: nothing of it may be used any more. Not collective. */
    @Override
    void close();
}

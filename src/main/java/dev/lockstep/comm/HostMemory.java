package dev.lockstep.comm;

import java.nio.ByteBuffer;

/** Host memory that belongs to a communicator, for as long as it is there. */
public interface HostMemory {
    /** Of its first byte: a multiple of 64. */
    long address();

    long bytes();

    /** So many bytes from {@code offset} on, in native byte order. */
    ByteBuffer view(long offset, int count);
}

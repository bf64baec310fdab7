package dev.lockstep.comm;

/** Host memory that belongs to a communicator, for as long as it is there. */
public interface HostMemory {
    /** Of its first byte: a multiple of 64. */
    long address();

    long bytes();
}

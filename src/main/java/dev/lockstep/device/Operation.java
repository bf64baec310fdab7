package dev.lockstep.device;

/**
 * A math operation bound to its buffers, shapes and constants. Everything that costs time or memory (choice of
 * algorithm, descriptors, scratch space) was done when it was made, so that enqueueing allocates nothing.
 */
@FunctionalInterface
public interface Operation {
    void enqueue(Stream stream);
}

package dev.lockstep.comm;

import java.nio.ByteBuffer;

/** What a communicator asks of the buffers that it is handed. */
public final class DirectBuffers {
    private DirectBuffers() {}

    /** Libraries see a buffer's memory only if it lies outside the Java heap. */
    public static void requireDirect(ByteBuffer bytes) {
        if (!bytes.isDirect() || bytes.isReadOnly()) {
            throw new IllegalArgumentException("a direct, writable buffer is needed, not " + bytes);
        }
    }

    /** The number of floats from 0 to the capacity of a direct buffer. */
    public static int requireFloats(ByteBuffer floats) {
        requireDirect(floats);
        if (floats.capacity() % Float.BYTES != 0) {
            throw new IllegalArgumentException(
                    "a buffer of floats has a multiple of 4 bytes, not " + floats.capacity());
        }
        return floats.capacity() / Float.BYTES;
    }

    /** The number of doubles from 0 to the capacity of a direct buffer. */
    public static int requireDoubles(ByteBuffer doubles) {
        requireDirect(doubles);
        if (doubles.capacity() % Double.BYTES != 0) {
            throw new IllegalArgumentException(
                    "a buffer of doubles has a multiple of 8 bytes, not " + doubles.capacity());
        }
        return doubles.capacity() / Double.BYTES;
    }
}

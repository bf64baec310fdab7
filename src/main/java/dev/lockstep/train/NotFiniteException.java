package dev.lockstep.train;

import java.nio.ByteBuffer;

/** A tensor holds a NaN or an infinity. The message says where: {@code element 7 of 0.weight is NaN}. */
final class NotFiniteException extends RuntimeException {
    private static final int EXPONENT = 0x7f800000;

    private NotFiniteException(String message) {
        super(message);
    }

    /**
     * @param floats  all remaining are looked at, in the buffer's order; left as they are
     * @param scratch of at least as many elements: loops over arrays are several times as fast as ones over buffers
     * @param first   index of the first in the tensor
     * @throws NotFiniteException for the first that is not finite
     */
    static void check(ByteBuffer floats, int[] scratch, String tensor, long first) {
        int count = floats.remaining() / Float.BYTES;
        floats.asIntBuffer().get(scratch, 0, count);
        for (int i = 0; i < count; i++) {
            if ((scratch[i] & EXPONENT) == EXPONENT) {
                throw new NotFiniteException("element " + (first + i) + " of " + tensor + " is "
                        + Float.intBitsToFloat(scratch[i]));
            }
        }
    }
}

package dev.lockstep.device;

/** Element types of device buffers. */
public enum DataType {
    FLOAT32(4),
    /** Statistics everywhere; the reference backend also computes in it. */
    FLOAT64(8),
    /** The upper half of a FLOAT32, to nearest, ties to even; a device may compute in it ({@link Device#computeType}). */
    BFLOAT16(2),
    INT32(4),
    /** Counts that a model keeps. */
    INT64(8),
    UINT8(1);

    private final int bytes;

    DataType(int bytes) {
        this.bytes = bytes;
    }

    /** Size of one element. */
    public int bytes() {
        return bytes;
    }
}

package dev.lockstep.device.cuda;

import dev.lockstep.device.DataType;

/**
 * A product as cuBLASLt takes it: D = op(A) · op(B), or D += op(A) · op(B), in matrices whose columns lie one after the
 * other. A row-major matrix is its own transpose there, so that the row-major y = x · wᵀ is asked for as yᵀ = w · xᵀ.
 *
 * @param vector of the epilogue; an address, 0 if it has none
 * @param mask   of the epilogue; an address, 0 if it has none. D's columns of bits, {@link #maskLeadingBits} apart
 */
record Matmul(Factor a, Factor b, Factor d, boolean accumulate, Epilogue epilogue, long vector, long mask) {
    /** cuBLASLt wants columns of bits to begin at multiples of this many. */
    private static final long MASK_ALIGNMENT_BITS = 128;
    /** Addresses that are multiples of this are as good as any. */
    private static final long ALIGNMENT_BYTES = 256;

    /**
     * @param rows    as stored, of elements one after the other
     * @param columns as stored
     * @param leading elements from one column to the next
     */
    record Factor(long address, DataType type, long rows, long columns, long leading, boolean transposed) {
        /** A row-major matrix as it lies in memory: its rows are the columns here. */
        static Factor ofRowMajor(long address, DataType type, int rows, int columns) {
            return new Factor(address, type, columns, rows, columns, false);
        }

        Factor transpose() {
            return new Factor(address, type, rows, columns, leading, !transposed);
        }

        Factor at(long newAddress) {
            return new Factor(newAddress, type, rows, columns, leading, transposed);
        }

        long bytes() {
            return leading * columns * type.bytes();
        }
    }

    static long maskLeadingBits(long rows) {
        return (rows + MASK_ALIGNMENT_BITS - 1) / MASK_ALIGNMENT_BITS * MASK_ALIGNMENT_BITS;
    }

    static long maskBytes(long rows, long columns) {
        return maskLeadingBits(rows) / Byte.SIZE * columns;
    }

    Matmul with(Epilogue newEpilogue, long newVector, long newMask) {
        return new Matmul(a, b, d, accumulate, newEpilogue, newVector, newMask);
    }

    /** What decides on the algorithm: this, with the alignment of each address in its place. */
    Matmul shape() {
        return new Matmul(a.at(alignment(a.address)), b.at(alignment(b.address)), d.at(alignment(d.address)),
                accumulate, epilogue, alignment(vector), alignment(mask));
    }

    /** Bytes that {@code address} is a multiple of. */
    static long alignment(long address) {
        return Math.min(ALIGNMENT_BYTES, address == 0 ? ALIGNMENT_BYTES : Long.lowestOneBit(address));
    }

    /** Bytes of the scratch memory that {@link #redirected} needs. */
    long outputBytes() {
        long mask = epilogue.writesMask() ? maskBytes(d.rows, d.columns) : 0;
        long vector = epilogue.writesVector() ? d.rows * d.type.bytes() : 0;
        return d.bytes() + mask + vector + 3 * 2 * ALIGNMENT_BYTES;
    }

    /** The same, alignment too, with its outputs in scratch memory. */
    Matmul redirected(long scratch) {
        long newD = roundUp(scratch) + alignment(d.address);
        long newVector = roundUp(newD + d.bytes()) + alignment(vector);
        long newMask = roundUp(newVector + (epilogue.writesVector() ? d.rows * d.type.bytes() : 0));
        return new Matmul(a, b, d.at(newD), accumulate, epilogue, epilogue.writesVector() ? newVector : vector,
                epilogue.writesMask() ? newMask : mask);
    }

    private static long roundUp(long address) {
        return (address + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    }

    /** {@code "128 x 64 x 784 RELU_AUX_BIAS"}: D's rows and columns, and the summands of each element. */
    @Override
    public String toString() {
        return d.rows + " x " + d.columns + " x " + (a.transposed ? a.rows : a.columns) + " " + epilogue
                + (accumulate ? " accumulating" : "");
    }
}

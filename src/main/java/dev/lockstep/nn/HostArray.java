package dev.lockstep.nn;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The numbers of a buffer, read and written by Java: for modules that compute in loops of their own. That works on the CPU
 * only; a module that composes {@link dev.lockstep.device.Operations} runs on a GPU, too. The same code serves FLOAT32,
 * which training computes in, and FLOAT64, which the {@link GradientChecker} does.
 */
public final class HostArray {
    private final ByteBuffer bytes;
    private final boolean isDouble;
    private final int length;

    private HostArray(ByteBuffer bytes, boolean isDouble, int length) {
        this.bytes = bytes;
        this.isDouble = isDouble;
        this.length = length;
    }

    /**
     * To be called while a module is bound, and kept.
     *
     * @throws InvalidInputException if the buffer is a GPU's
     */
    public static HostArray of(DeviceBuffer buffer) {
        if (!buffer.isHostAccessible()) {
            throw new InvalidInputException(
                    "it computes in Java, on the CPU, and this is a GPU's memory; set device to cpu");
        }
        if (buffer.type() != DataType.FLOAT32 && buffer.type() != DataType.FLOAT64) {
            throw new IllegalArgumentException("a buffer of " + buffer.type() + " where floating point is wanted");
        }
        return new HostArray(buffer.hostView(), buffer.type() == DataType.FLOAT64,
                Math.toIntExact(buffer.elementCount()));
    }

    /** Elements. */
    public int length() {
        return length;
    }

    /** The element at {@code index}; those of a matrix follow each other row by row. */
    public double get(int index) {
        return isDouble ? bytes.getDouble(index * Double.BYTES) : bytes.getFloat(index * Float.BYTES);
    }

    /** Overwrites the element at {@code index} with {@code value}, rounded to the buffer's type. */
    public void set(int index, double value) {
        if (isDouble) {
            bytes.putDouble(index * Double.BYTES, value);
        } else {
            bytes.putFloat(index * Float.BYTES, (float) value);
        }
    }

    /** Adds {@code value} to the element at {@code index}. */
    public void add(int index, double value) {
        set(index, get(index) + value);
    }

    double[] toArray() {
        double[] values = new double[length];
        Arrays.setAll(values, this::get);
        return values;
    }

    void fill(double value) {
        for (int i = 0; i < length; i++) {
            set(i, value);
        }
    }
}

package dev.lockstep.tensor;

import dev.lockstep.device.DataType;

/**
 * State of a module that no gradient changes, as running statistics, PyTorch's buffers: its name as in PyTorch's
 * state_dict, and what it begins with.
 *
 * @param type     FLOAT32 or INT64
 * @param elements 0 for a single number, of shape []
 */
public record BufferShape(String name, DataType type, int elements, double initialValue) {
    public BufferShape {
        if (elements < 0 || type != DataType.FLOAT32 && type != DataType.INT64) {
            throw new IllegalArgumentException("buffer " + name + " of " + elements + " elements of " + type);
        }
    }

    /** Elements in memory. */
    public int elementCount() {
        return Math.max(elements, 1);
    }

    /** The same under {@code prefix.name}. */
    public BufferShape within(String prefix) {
        return new BufferShape(prefix + "." + name, type, elements, initialValue);
    }
}

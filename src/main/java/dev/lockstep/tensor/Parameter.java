package dev.lockstep.tensor;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;

/**
 * A parameter and its gradient, views into the arenas.
 *
 * @param index       position in backward order
 * @param firstElement offset in either arena
 * @param gradient    null in an arena without gradients
 */
public record Parameter(ParameterShape shape, int index, long firstElement, DeviceBuffer value,
        DeviceBuffer gradient) {
    public String name() {
        return shape.name();
    }

    /** The value as a matrix. */
    public Matrix matrix() {
        return new Matrix(value, shape.rows(), shape.columns());
    }

    /** Rows {@code first} to {@code first + count - 1} of the gradient. */
    public Matrix gradientRows(int first, int count) {
        return new Matrix(gradient, shape.rows(), shape.columns()).rows(first, count);
    }
}

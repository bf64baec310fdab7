package dev.lockstep.tensor;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;

/**
 * A parameter and its gradient, views into the arenas.
 *
 * @param index       position in backward order
 * @param firstElement offset in either arena
 * @param computeValue the value in the device's compute type; {@code value} itself where that is its type
 * @param gradient    null in an arena without gradients
 */
public record Parameter(ParameterShape shape, int index, long firstElement, DeviceBuffer value,
        DeviceBuffer computeValue, DeviceBuffer gradient) {
    public String name() {
        return shape.name();
    }

    /** The value as a matrix to compute with. */
    public Matrix matrix() {
        return new Matrix(computeValue, shape.rows(), shape.columns());
    }

    /** Rows {@code first} to {@code first + count - 1} of the gradient. */
    public Matrix gradientRows(int first, int count) {
        return new Matrix(gradient, shape.rows(), shape.columns()).rows(first, count);
    }
}

package dev.lockstep.device;

/** A row-major matrix without gaps between its rows. */
public record Matrix(DeviceBuffer data, int rows, int columns) {
    public Matrix {
        if (rows < 1 || columns < 1) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns);
        }
        if (data.elementCount() != (long) rows * columns) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns + " over a buffer of "
                    + data.elementCount() + " elements");
        }
    }

    public static Matrix allocate(Device device, DataType type, int rows, int columns) {
        return new Matrix(device.allocate(type, (long) rows * columns), rows, columns);
    }

    /** Rows {@code first} to {@code first + count - 1}, sharing the memory. */
    public Matrix rows(int first, int count) {
        return new Matrix(data.slice((long) first * columns, (long) count * columns), count, columns);
    }

    @Override
    public String toString() {
        return "[" + rows + ", " + columns + "]";
    }
}

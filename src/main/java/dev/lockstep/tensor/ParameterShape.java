package dev.lockstep.tensor;

/**
 * A parameter as a module declares it: its name as in PyTorch's state_dict and its shape.
 *
 * @param columns 0 for a vector of {@code rows} elements
 */
public record ParameterShape(String name, int rows, int columns) {
    public ParameterShape {
        if (rows < 1 || columns < 0) {
            throw new IllegalArgumentException("parameter " + name + " of shape [" + rows + ", " + columns + "]");
        }
    }

    public static ParameterShape matrix(String name, int rows, int columns) {
        if (columns < 1) {
            throw new IllegalArgumentException("parameter " + name + " of shape [" + rows + ", " + columns + "]");
        }
        return new ParameterShape(name, rows, columns);
    }

    public static ParameterShape vector(String name, int elements) {
        return new ParameterShape(name, elements, 0);
    }

    public boolean isMatrix() {
        return columns > 0;
    }

    /** Elements of one row; 1 for a vector. */
    public int rowElements() {
        return Math.max(columns, 1);
    }

    public long elementCount() {
        return (long) rows * rowElements();
    }

    /** The same shape under {@code prefix.name}. */
    public ParameterShape within(String prefix) {
        return new ParameterShape(prefix + "." + name, rows, columns);
    }
}

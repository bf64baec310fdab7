package dev.lockstep.tensor;

/**
 * A parameter as a module declares it: its name as in PyTorch's state_dict, its shape, and what it is to its module.
 *
 * @param columns 0 for a vector of {@code rows} elements
 */
public record ParameterShape(String name, int rows, int columns, Role role) {
    /** What optimizers tell parameters apart by: weight decay, say, is rarely wanted for all of them. */
    public enum Role {
        WEIGHT,
        /** Added to what a weight has made. */
        BIAS,
        /** A norm's weight or bias. */
        NORM
    }

    public ParameterShape {
        if (rows < 1 || columns < 0) {
            throw new IllegalArgumentException("parameter " + name + " of shape [" + rows + ", " + columns + "]");
        }
    }

    /** A weight [rows, columns]. */
    public static ParameterShape matrix(String name, int rows, int columns) {
        if (columns < 1) {
            throw new IllegalArgumentException("parameter " + name + " of shape [" + rows + ", " + columns + "]");
        }
        return new ParameterShape(name, rows, columns, Role.WEIGHT);
    }

    /** A vector that is a weight. */
    public static ParameterShape vector(String name, int elements) {
        return vector(name, elements, Role.WEIGHT);
    }

    public static ParameterShape vector(String name, int elements, Role role) {
        return new ParameterShape(name, elements, 0, role);
    }

    /** A vector that is a bias. */
    public static ParameterShape bias(String name, int elements) {
        return vector(name, elements, Role.BIAS);
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
        return new ParameterShape(prefix + "." + name, rows, columns, role);
    }
}

package dev.lockstep.device;

/**
 * The checks of arguments that every backend makes before it builds an operation, one method for each method of
 * {@link Operations}. The first parameter is the floating point type that floating point buffers must have: the device's
 * {@link Device#computeType}, or for the reference backend what {@link #floatType} finds. What only a backend can know,
 * such as whose memory a buffer is, it checks itself.
 *
 * <p>All of them throw IllegalArgumentException, naming the operation, the argument, what it is and what it should be.
 */
public final class OperationChecks {
    private OperationChecks() {
    }

    /** The type of {@code buffer}, which must be FLOAT32 or FLOAT64. */
    public static DataType floatType(DeviceBuffer buffer) {
        DataType type = buffer.type();
        require(type == DataType.FLOAT32 || type == DataType.FLOAT64, "a buffer of " + type
                + " where floating point is wanted");
        return type;
    }

    public static void linearForward(DataType floatType, Matrix x, Matrix weight, DeviceBuffer bias, Matrix y,
            Activation activation) {
        String operation = "linearForward";
        matrix(operation, "x", x, floatType);
        matrix(operation, "weight", weight, floatType, weight.rows(), x.columns());
        matrix(operation, "y", y, floatType, x.rows(), weight.rows());
        if (bias != null) {
            buffer(operation, "bias", bias, floatType, weight.rows());
        }
        derivativeFromOutput(operation, activation);
    }

    public static void linearBackwardInput(DataType floatType, Matrix yGradient, Matrix weight, Matrix xGradient,
            Activation activation, Matrix x, DeviceBuffer biasGradient) {
        String operation = "linearBackwardInput";
        matrix(operation, "yGradient", yGradient, floatType);
        matrix(operation, "weight", weight, floatType, yGradient.columns(), weight.columns());
        matrix(operation, "xGradient", xGradient, floatType, yGradient.rows(), weight.columns());
        derivativeFromOutput(operation, activation);
        require(x != null || activation == Activation.IDENTITY, operation + ": " + activation + " needs x");
        if (x != null) {
            matrix(operation, "x", x, floatType, xGradient.rows(), xGradient.columns());
        }
        if (biasGradient != null) {
            buffer(operation, "biasGradient", biasGradient, parameterType(floatType), xGradient.columns());
        }
    }

    public static void linearBackwardWeight(DataType floatType, Matrix x, Matrix yGradient, Matrix weightGradient,
            int firstRow) {
        String operation = "linearBackwardWeight";
        matrix(operation, "x", x, floatType);
        matrix(operation, "yGradient", yGradient, floatType, x.rows(), yGradient.columns());
        matrix(operation, "weightGradient", weightGradient, parameterType(floatType), weightGradient.rows(),
                x.columns());
        require(firstRow >= 0 && firstRow <= yGradient.columns() - weightGradient.rows(), operation + ": "
                + weightGradient.rows() + " rows from row " + firstRow + " on, where the weight has "
                + yGradient.columns());
    }

    public static void linearBackwardBias(DataType floatType, Matrix yGradient, DeviceBuffer biasGradient) {
        String operation = "linearBackwardBias";
        matrix(operation, "yGradient", yGradient, floatType);
        buffer(operation, "biasGradient", biasGradient, parameterType(floatType), yGradient.columns());
    }

    public static void activationForward(DataType floatType, DeviceBuffer x, DeviceBuffer y) {
        String operation = "activationForward";
        buffer(operation, "x", x, floatType, x.elementCount());
        buffer(operation, "y", y, floatType, x.elementCount());
    }

    public static void activationBackward(DataType floatType, Activation activation, DeviceBuffer x, DeviceBuffer y,
            DeviceBuffer yGradient, DeviceBuffer xGradient) {
        String operation = "activationBackward";
        long elementCount = yGradient.elementCount();
        buffer(operation, "yGradient", yGradient, floatType, elementCount);
        buffer(operation, "xGradient", xGradient, floatType, elementCount);
        if (activation != Activation.IDENTITY) {
            boolean fromOutput = activation.derivativeFromOutput();
            require((fromOutput ? y : x) != null, operation + ": " + activation + " needs " + (fromOutput ? "y" : "x"));
        }
        if (x != null) {
            buffer(operation, "x", x, floatType, elementCount);
        }
        if (y != null) {
            buffer(operation, "y", y, floatType, elementCount);
        }
    }

    public static void crossEntropy(DataType floatType, Matrix logits, DeviceBuffer labels, double labelSmoothing,
            DeviceBuffer statistics, Matrix logitsGradient, double gradientFactor) {
        String operation = "crossEntropy";
        matrix(operation, "logits", logits, floatType);
        buffer(operation, "labels", labels, DataType.INT32, logits.rows());
        buffer(operation, "statistics", statistics, DataType.FLOAT64, LossStatistics.LENGTH);
        if (logitsGradient != null) {
            matrix(operation, "logitsGradient", logitsGradient, floatType, logits.rows(), logits.columns());
        }
        require(Double.isFinite(gradientFactor), operation + ": a gradient factor of " + gradientFactor);
        require(labelSmoothing >= 0 && labelSmoothing <= 1, operation + ": a label smoothing of " + labelSmoothing);
    }

    public static void meanSquaredError(DataType floatType, Matrix outputs, Matrix targets, DeviceBuffer statistics,
            Matrix outputsGradient, double gradientFactor) {
        String operation = "meanSquaredError";
        matrix(operation, "outputs", outputs, floatType);
        matrix(operation, "targets", targets, parameterType(floatType), outputs.rows(), outputs.columns());
        buffer(operation, "statistics", statistics, DataType.FLOAT64, LossStatistics.LENGTH);
        if (outputsGradient != null) {
            matrix(operation, "outputsGradient", outputsGradient, floatType, outputs.rows(), outputs.columns());
        }
        require(Double.isFinite(gradientFactor), operation + ": a gradient factor of " + gradientFactor);
    }

    public static void gatherRows(DataType floatType, Matrix source, DeviceBuffer indices, Matrix destination,
            float divisor) {
        String operation = "gatherRows";
        DataType sourceType = source.data().type();
        DataType other = parameterType(floatType);
        require(sourceType == DataType.UINT8 || sourceType == other, operation + ": source is " + sourceType
                + ", not UINT8 or " + other);
        boolean asItIs = sourceType == other && destination.data().type() == other;
        matrix(operation, "destination", destination, asItIs ? other : floatType, destination.rows(), source.columns());
        buffer(operation, "indices", indices, DataType.INT32, destination.rows());
        require(Float.isFinite(divisor) && divisor != 0, operation + ": a divisor of " + divisor);
    }

    public static void gatherLabels(DeviceBuffer source, DeviceBuffer indices, DeviceBuffer destination) {
        String operation = "gatherLabels";
        buffer(operation, "source", source, DataType.INT32, source.elementCount());
        buffer(operation, "destination", destination, DataType.INT32, destination.elementCount());
        buffer(operation, "indices", indices, DataType.INT32, destination.elementCount());
    }

    /** @param floatType of the parameters and their gradients; {@code converted} is BFLOAT16 or null */
    public static void sgd(DataType floatType, DeviceBuffer parameter, DeviceBuffer gradient,
            DeviceBuffer momentumBuffer, DeviceBuffer hyperparameters, boolean nesterov, DeviceBuffer converted) {
        String operation = "sgd";
        long elementCount = parameter.elementCount();
        if (converted != null) {
            buffer(operation, "converted", converted, DataType.BFLOAT16, elementCount);
        }
        buffer(operation, "parameter", parameter, floatType, elementCount);
        buffer(operation, "gradient", gradient, floatType, elementCount);
        buffer(operation, "hyperparameters", hyperparameters, DataType.FLOAT32, SgdHyperparameters.LENGTH);
        require(momentumBuffer != null || !nesterov, operation + ": nesterov needs a momentum buffer");
        if (momentumBuffer != null) {
            buffer(operation, "momentumBuffer", momentumBuffer, floatType, elementCount);
        }
    }

    /** @param floatType as in {@link #sgd}, and {@code converted} likewise */
    public static void adam(DataType floatType, DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer average,
            DeviceBuffer squareAverage, DeviceBuffer hyperparameters, DeviceBuffer converted) {
        String operation = "adam";
        long elementCount = parameter.elementCount();
        if (converted != null) {
            buffer(operation, "converted", converted, DataType.BFLOAT16, elementCount);
        }
        buffer(operation, "parameter", parameter, floatType, elementCount);
        buffer(operation, "gradient", gradient, floatType, elementCount);
        buffer(operation, "average", average, floatType, elementCount);
        buffer(operation, "squareAverage", squareAverage, floatType, elementCount);
        buffer(operation, "hyperparameters", hyperparameters, DataType.FLOAT64, AdamHyperparameters.LENGTH);
    }

    public static void sumOfSquares(DataType floatType, DeviceBuffer x, DeviceBuffer result) {
        String operation = "sumOfSquares";
        buffer(operation, "x", x, floatType, x.elementCount());
        buffer(operation, "result", result, DataType.FLOAT64, 1);
    }

    public static void clipCoefficient(DeviceBuffer sums, double maximumNorm, DeviceBuffer coefficient) {
        String operation = "clipCoefficient";
        buffer(operation, "sums", sums, DataType.FLOAT64, sums.elementCount());
        buffer(operation, "coefficient", coefficient, DataType.FLOAT64, 1);
        require(maximumNorm > 0 && Double.isFinite(maximumNorm), operation + ": a maximum norm of " + maximumNorm);
    }

    /** @param coefficient may be null */
    public static void clip(DataType floatType, DeviceBuffer gradient, DeviceBuffer coefficient, double limit) {
        String operation = "clip";
        buffer(operation, "gradient", gradient, floatType, gradient.elementCount());
        if (coefficient != null) {
            buffer(operation, "coefficient", coefficient, DataType.FLOAT64, 1);
        }
        require(limit > 0, operation + ": a limit of " + limit);
    }

    public static void convert(DeviceBuffer source, DeviceBuffer destination) {
        String operation = "convert";
        buffer(operation, "source", source, DataType.FLOAT32, source.elementCount());
        buffer(operation, "destination", destination, DataType.BFLOAT16, source.elementCount());
    }

    /** Of parameters and their gradients, where {@code computeType} is that of activations. */
    static DataType parameterType(DataType computeType) {
        return computeType == DataType.BFLOAT16 ? DataType.FLOAT32 : computeType;
    }

    static void matrix(String operation, String name, Matrix matrix, DataType type, int rows, int columns) {
        require(matrix.rows() == rows && matrix.columns() == columns, operation + ": " + name + " is " + matrix
                + ", not [" + rows + ", " + columns + "]");
        matrix(operation, name, matrix, type);
    }

    static void matrix(String operation, String name, Matrix matrix, DataType type) {
        buffer(operation, name, matrix.data(), type, matrix.data().elementCount());
    }

    static void buffer(String operation, String name, DeviceBuffer buffer, DataType type, long elementCount) {
        require(buffer.type() == type, operation + ": " + name + " is " + buffer.type() + ", not " + type);
        require(buffer.elementCount() == elementCount, operation + ": " + name + " has " + buffer.elementCount()
                + " elements, not " + elementCount);
    }

    private static void derivativeFromOutput(String operation, Activation activation) {
        require(activation.derivativeFromOutput(), operation + ": " + activation
                + " cannot be fused, for its derivative does not follow from its output");
    }

    static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}

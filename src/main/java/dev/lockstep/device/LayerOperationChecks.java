package dev.lockstep.device;

import static dev.lockstep.device.OperationChecks.buffer;
import static dev.lockstep.device.OperationChecks.matrix;
import static dev.lockstep.device.OperationChecks.parameterType;
import static dev.lockstep.device.OperationChecks.require;

import dev.lockstep.device.LayerOperations.RandomSource;
import dev.lockstep.device.LayerOperations.RunningStatistics;

/** What {@link OperationChecks} is to {@link Operations}, for {@link LayerOperations}. */
public final class LayerOperationChecks {
    private LayerOperationChecks() {
    }

    public static void layerNormForward(DataType floatType, Matrix x, DeviceBuffer weight, DeviceBuffer bias, double eps,
            Matrix y, DeviceBuffer statistics) {
        String operation = "layerNormForward";
        matrix(operation, "x", x, floatType);
        vector(operation, "weight", weight, floatType, x.columns());
        vector(operation, "bias", bias, floatType, x.columns());
        matrix(operation, "y", y, floatType, x.rows(), x.columns());
        vector(operation, "statistics", statistics, floatType, 2L * x.rows());
        eps(operation, eps);
    }

    public static void layerNormBackward(DataType floatType, Matrix x, Matrix yGradient, DeviceBuffer weight,
            DeviceBuffer statistics, Matrix xGradient) {
        String operation = "layerNormBackward";
        gradients(operation, floatType, x, yGradient);
        vector(operation, "weight", weight, floatType, x.columns());
        vector(operation, "statistics", statistics, floatType, 2L * x.rows());
        matrix(operation, "xGradient", xGradient, floatType, x.rows(), x.columns());
    }

    public static void layerNormBackwardSums(DataType floatType, Matrix x, Matrix yGradient, DeviceBuffer statistics,
            DeviceBuffer sums) {
        String operation = "layerNormBackwardSums";
        gradients(operation, floatType, x, yGradient);
        vector(operation, "statistics", statistics, floatType, 2L * x.rows());
        buffer(operation, "sums", sums, DataType.FLOAT64, 2L * x.columns());
    }

    public static void batchNormSums(DataType floatType, Matrix x, DeviceBuffer sums) {
        String operation = "batchNormSums";
        matrix(operation, "x", x, floatType);
        buffer(operation, "sums", sums, DataType.FLOAT64, 2L * x.columns() + 1);
    }

    public static void batchNormStatistics(DataType floatType, DeviceBuffer sums, double eps, double momentum,
            RunningStatistics running, DeviceBuffer statistics) {
        String operation = "batchNormStatistics";
        vector(operation, "statistics", statistics, floatType, statistics.elementCount());
        buffer(operation, "sums", sums, DataType.FLOAT64, statistics.elementCount() + 1);
        running(operation, floatType, running, statistics);
        buffer(operation, "running.batches", running.batches(), DataType.INT64, 1);
        eps(operation, eps);
        require(momentum >= 0 && momentum <= 1, operation + ": a momentum of " + momentum);
    }

    public static void batchNormRunningStatistics(DataType floatType, RunningStatistics running, double eps,
            DeviceBuffer statistics) {
        String operation = "batchNormRunningStatistics";
        vector(operation, "statistics", statistics, floatType, statistics.elementCount());
        running(operation, floatType, running, statistics);
        eps(operation, eps);
    }

    public static void batchNormForward(DataType floatType, Matrix x, DeviceBuffer statistics, DeviceBuffer weight,
            DeviceBuffer bias, Matrix y) {
        String operation = "batchNormForward";
        matrix(operation, "x", x, floatType);
        vector(operation, "statistics", statistics, floatType, 2L * x.columns());
        vector(operation, "weight", weight, floatType, x.columns());
        vector(operation, "bias", bias, floatType, x.columns());
        matrix(operation, "y", y, floatType, x.rows(), x.columns());
    }

    public static void batchNormBackwardSums(DataType floatType, Matrix x, Matrix yGradient, DeviceBuffer statistics,
            DeviceBuffer sums) {
        String operation = "batchNormBackwardSums";
        gradients(operation, floatType, x, yGradient);
        vector(operation, "statistics", statistics, floatType, 2L * x.columns());
        buffer(operation, "sums", sums, DataType.FLOAT64, 2L * x.columns());
    }

    public static void batchNormBackward(DataType floatType, Matrix x, Matrix yGradient, DeviceBuffer statistics,
            DeviceBuffer weight, DeviceBuffer forwardSums, DeviceBuffer backwardSums, Matrix xGradient) {
        String operation = "batchNormBackward";
        gradients(operation, floatType, x, yGradient);
        vector(operation, "statistics", statistics, floatType, 2L * x.columns());
        vector(operation, "weight", weight, floatType, x.columns());
        buffer(operation, "forwardSums", forwardSums, DataType.FLOAT64, 2L * x.columns() + 1);
        buffer(operation, "backwardSums", backwardSums, DataType.FLOAT64, 2L * x.columns());
        matrix(operation, "xGradient", xGradient, floatType, x.rows(), x.columns());
    }

    public static void normParameterGradients(DataType floatType, DeviceBuffer sums, DeviceBuffer weightGradient,
            DeviceBuffer biasGradient) {
        String operation = "normParameterGradients";
        long features = biasGradient.elementCount();
        buffer(operation, "sums", sums, DataType.FLOAT64, 2 * features);
        vector(operation, "weightGradient", weightGradient, floatType, features);
        vector(operation, "biasGradient", biasGradient, floatType, features);
    }

    public static void dropout(DataType floatType, DeviceBuffer x, DeviceBuffer y, RandomSource source,
            double probability) {
        String operation = "dropout";
        buffer(operation, "x", x, floatType, x.elementCount());
        buffer(operation, "y", y, floatType, x.elementCount());
        buffer(operation, "counters", source.counters(), DataType.INT32, LayerOperations.COUNTERS);
        require(probability >= 0 && probability < 1, operation + ": a probability of " + probability);
        require(x.elementCount() <= 1L << 34, operation + ": " + x.elementCount() + " elements, more than there are"
                + " random numbers for");
    }

    public static void countUp(DeviceBuffer counters, int index) {
        String operation = "countUp";
        buffer(operation, "counters", counters, DataType.INT32, LayerOperations.COUNTERS);
        require(index >= 0 && index < LayerOperations.COUNTERS, operation + ": counter " + index);
    }

    /** Of {@code operation}, which makes one number of two. */
    public static void elementWise(String operation, DataType floatType, DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        buffer(operation, "a", a, floatType, y.elementCount());
        buffer(operation, "b", b, floatType, y.elementCount());
        buffer(operation, "y", y, floatType, y.elementCount());
    }

    private static void gradients(String operation, DataType floatType, Matrix x, Matrix yGradient) {
        matrix(operation, "x", x, floatType);
        matrix(operation, "yGradient", yGradient, floatType, x.rows(), x.columns());
    }

    private static void running(String operation, DataType floatType, RunningStatistics running, DeviceBuffer statistics) {
        vector(operation, "running.mean", running.mean(), floatType, statistics.elementCount() / 2);
        vector(operation, "running.variance", running.variance(), floatType, statistics.elementCount() / 2);
    }

    /** Of a type that keeps all digits. */
    private static void vector(String operation, String name, DeviceBuffer buffer, DataType floatType, long elements) {
        buffer(operation, name, buffer, parameterType(floatType), elements);
    }

    private static void eps(String operation, double eps) {
        require(eps >= 0 && Double.isFinite(eps), operation + ": an eps of " + eps);
    }
}

package dev.lockstep.device.cpu;

import dev.lockstep.device.Activation;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.OperationChecks;
import dev.lockstep.device.Operations;
import dev.lockstep.device.cpu.OneDnn.Operand;

/** Matrix products and the smooth activations by oneDNN, the rest by {@link CpuKernels}. FLOAT32 throughout. */
final class CpuOperations implements Operations {
    /**
     * Multiply-adds from which the products of backward go to oneDNN's sgemm. Forward stays with the matmul primitive,
     * which also carries the bias: with a transposed right side it is the faster one at every size. With the sides
     * as backward has them sgemm overtakes it (256 x 4096 x 4096 on a Cascade Lake core: 72 ms against 114). A fixed rule
     * rather than a timing at start, because the two round differently and the same job must give the same bits again.
     */
    private static final long SGEMM_MULTIPLY_ADDS = 1L << 25;

    private static final DataType TYPE = DataType.FLOAT32;
    private static final String NO_CONVERSION = "parameters are computed with as they are here, not converted";

    /**
     * Each call packs the whole input anew: a gradient of 4096 x 4096 with a batch of 256 takes 64 ms in one call, 66 in
     * calls of 1024 rows, 80 in calls of 256.
     */
    private static final int WEIGHT_GRADIENT_ROWS = 1024;

    private final CpuDevice device;
    private final OneDnn oneDnn;
    private final LayerOperations layers = new CpuLayers();

    CpuOperations(CpuDevice device, OneDnn oneDnn) {
        this.device = device;
        this.oneDnn = oneDnn;
    }

    @Override
    public Operation linearForward(Matrix x, Matrix weight, DeviceBuffer bias, Matrix y, Activation activation) {
        OperationChecks.linearForward(TYPE, x, weight, bias, y, activation);
        Operand a = operand(x);
        Operand b = operand(weight).transposed();
        Operand c = operand(y);
        long biasAddress = bias == null ? 0 : CpuBuffer.address(bias);
        if (activation != Activation.RELU) {
            return oneDnn.matmul(a, b, biasAddress, c, activation, false);
        }
        // The primitive's own relu would turn NaN into 0 and hide a model that has diverged.
        Operation product = oneDnn.matmul(a, b, biasAddress, c, Activation.IDENTITY, false);
        return sequence(product, activationForward(activation, y.data(), y.data()));
    }

    @Override
    public Operation linearBackwardInput(Matrix yGradient, Matrix weight, Matrix xGradient, Activation activation,
            Matrix x, DeviceBuffer biasGradient) {
        OperationChecks.linearBackwardInput(TYPE, yGradient, weight, xGradient, activation, x, biasGradient);
        Operation operation = product(operand(yGradient), operand(weight), operand(xGradient), false);
        if (activation != Activation.IDENTITY) {
            operation = sequence(operation,
                    activationBackward(activation, null, x.data(), xGradient.data(), xGradient.data()));
        }
        return biasGradient == null ? operation
                : sequence(operation, linearBackwardBias(xGradient, biasGradient, false));
    }

    @Override
    public Operation linearBackwardWeight(Matrix x, Matrix yGradient, Matrix weightGradient, int firstRow,
            boolean accumulate) {
        OperationChecks.linearBackwardWeight(TYPE, x, yGradient, weightGradient, firstRow);
        // Columns firstRow … of yGradient, transposed: [rows, batch].
        Operand a = new Operand(CpuBuffer.address(yGradient.data()) + (long) firstRow * Float.BYTES,
                weightGradient.rows(), yGradient.rows(), 1, yGradient.columns());
        return product(a, operand(x), operand(weightGradient), accumulate);
    }

    @Override
    public int weightGradientRows() {
        return WEIGHT_GRADIENT_ROWS;
    }

    @Override
    public Operation linearBackwardBias(Matrix yGradient, DeviceBuffer biasGradient, boolean accumulate) {
        OperationChecks.linearBackwardBias(TYPE, yGradient, biasGradient);
        long matrix = operand(yGradient).address();
        long sums = CpuBuffer.address(biasGradient);
        return stream -> CpuKernels.columnSums(matrix, sums, yGradient.rows(), yGradient.columns(), accumulate);
    }

    @Override
    public Operation activationForward(Activation activation, DeviceBuffer x, DeviceBuffer y) {
        OperationChecks.activationForward(TYPE, x, y);
        long xAddress = CpuBuffer.address(x);
        long yAddress = CpuBuffer.address(y);
        long count = y.elementCount();
        return switch (activation) {
            case IDENTITY -> stream -> CpuKernels.copy(xAddress, yAddress, count);
            case RELU -> stream -> CpuKernels.reluForward(xAddress, yAddress, count);
            default -> oneDnn.eltwiseForward(activation, xAddress, yAddress, count);
        };
    }

    @Override
    public Operation activationBackward(Activation activation, DeviceBuffer x, DeviceBuffer y,
            DeviceBuffer yGradient, DeviceBuffer xGradient) {
        OperationChecks.activationBackward(TYPE, activation, x, y, yGradient, xGradient);
        long from = CpuBuffer.address(yGradient);
        long to = CpuBuffer.address(xGradient);
        long count = xGradient.elementCount();
        if (activation == Activation.IDENTITY) {
            return stream -> CpuKernels.copy(from, to, count);
        }
        long saved = CpuBuffer.address(activation.derivativeFromOutput() ? y : x);
        return activation == Activation.RELU ? stream -> CpuKernels.reluBackward(saved, from, to, count)
                : oneDnn.eltwiseBackward(activation, saved, from, to, count);
    }

    @Override
    public Operation crossEntropy(Matrix logits, DeviceBuffer labels, double labelSmoothing, DeviceBuffer statistics,
            Matrix logitsGradient, double gradientFactor) {
        OperationChecks.crossEntropy(TYPE, logits, labels, labelSmoothing, statistics, logitsGradient, gradientFactor);
        long x = operand(logits).address();
        long label = CpuBuffer.address(labels);
        long result = CpuBuffer.address(statistics);
        long gradient = logitsGradient == null ? 0 : operand(logitsGradient).address();
        long losses = CpuBuffer.address(device.allocate(DataType.FLOAT32, logits.rows()));
        long correct = CpuBuffer.address(device.allocate(DataType.INT32, logits.rows()));
        float factor = (float) gradientFactor;
        float smoothing = (float) labelSmoothing;
        return stream -> CpuKernels.crossEntropy(x, label, result, gradient, losses, correct, logits.rows(),
                logits.columns(), factor, smoothing);
    }

    @Override
    public Operation meanSquaredError(Matrix outputs, Matrix targets, DeviceBuffer statistics, Matrix outputsGradient,
            double gradientFactor) {
        OperationChecks.meanSquaredError(TYPE, outputs, targets, statistics, outputsGradient, gradientFactor);
        long x = operand(outputs).address();
        long target = operand(targets).address();
        long result = CpuBuffer.address(statistics);
        long gradient = outputsGradient == null ? 0 : operand(outputsGradient).address();
        long losses = CpuBuffer.address(device.allocate(DataType.FLOAT32, outputs.rows()));
        float factor = (float) (2 * gradientFactor / outputs.columns());
        return stream -> CpuKernels.meanSquaredError(x, target, result, gradient, losses, outputs.rows(),
                outputs.columns(), factor);
    }

    @Override
    public Operation gatherRows(Matrix source, DeviceBuffer indices, Matrix destination, float divisor) {
        OperationChecks.gatherRows(TYPE, source, indices, destination, divisor);
        long from = CpuBuffer.address(source.data());
        long index = CpuBuffer.address(indices);
        long to = operand(destination).address();
        int rows = destination.rows();
        int columns = destination.columns();
        return source.data().type() == DataType.UINT8
                ? stream -> CpuKernels.gatherRowsU8(from, index, to, rows, columns, divisor)
                : stream -> CpuKernels.gatherRowsF32(from, index, to, rows, columns, divisor);
    }

    @Override
    public Operation gatherLabels(DeviceBuffer source, DeviceBuffer indices, DeviceBuffer destination) {
        OperationChecks.gatherLabels(source, indices, destination);
        long from = CpuBuffer.address(source);
        long index = CpuBuffer.address(indices);
        long to = CpuBuffer.address(destination);
        return stream -> CpuKernels.gatherLabels(from, index, to, destination.elementCount());
    }

    @Override
    public Operation sgd(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer momentumBuffer,
            DeviceBuffer hyperparameters, boolean nesterov, DeviceBuffer converted) {
        OperationChecks.sgd(TYPE, parameter, gradient, momentumBuffer, hyperparameters, nesterov, null);
        refuseConversion(converted);
        long p = CpuBuffer.address(parameter);
        long g = CpuBuffer.address(gradient);
        long buffer = momentumBuffer == null ? 0 : CpuBuffer.address(momentumBuffer);
        long numbers = CpuBuffer.address(hyperparameters);
        long count = parameter.elementCount();
        return stream -> CpuKernels.sgd(p, g, buffer, numbers, count, nesterov);
    }

    @Override
    public Operation adam(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer average,
            DeviceBuffer squareAverage, DeviceBuffer hyperparameters, DeviceBuffer converted) {
        OperationChecks.adam(TYPE, parameter, gradient, average, squareAverage, hyperparameters, null);
        refuseConversion(converted);
        long p = CpuBuffer.address(parameter);
        long g = CpuBuffer.address(gradient);
        long m = CpuBuffer.address(average);
        long v = CpuBuffer.address(squareAverage);
        long numbers = CpuBuffer.address(hyperparameters);
        long count = parameter.elementCount();
        return stream -> CpuKernels.adam(p, g, m, v, numbers, count);
    }

    private static void refuseConversion(DeviceBuffer converted) {
        if (converted != null) {
            throw new IllegalArgumentException(NO_CONVERSION);
        }
    }

    @Override
    public Operation sumOfSquares(DeviceBuffer x, DeviceBuffer result) {
        OperationChecks.sumOfSquares(TYPE, x, result);
        long from = CpuBuffer.address(x);
        long to = CpuBuffer.address(result);
        long count = x.elementCount();
        long partial = CpuBuffer.address(device.allocate(DataType.FLOAT64, (count - 1) / CpuKernels.SQUARES_BLOCK + 1));
        return stream -> CpuKernels.sumOfSquares(from, partial, to, count);
    }

    @Override
    public Operation clipCoefficient(DeviceBuffer sums, double maximumNorm, DeviceBuffer coefficient) {
        OperationChecks.clipCoefficient(sums, maximumNorm, coefficient);
        long from = CpuBuffer.address(sums);
        long to = CpuBuffer.address(coefficient);
        long count = sums.elementCount();
        return stream -> CpuKernels.clipCoefficient(from, to, count, maximumNorm);
    }

    @Override
    public Operation clip(DeviceBuffer gradient, DeviceBuffer coefficient, double limit) {
        OperationChecks.clip(TYPE, gradient, coefficient, limit);
        long g = CpuBuffer.address(gradient);
        long factor = coefficient == null ? 0 : CpuBuffer.address(coefficient);
        long count = gradient.elementCount();
        return stream -> CpuKernels.clip(g, factor, (float) limit, count);
    }

    @Override
    public Operation convert(DeviceBuffer source, DeviceBuffer destination) {
        throw new IllegalArgumentException(NO_CONVERSION);
    }

    @Override
    public Operation clear(DeviceBuffer buffer) {
        long address = CpuBuffer.address(buffer);
        long bytes = buffer.byteCount();
        return stream -> CpuKernels.clear(address, bytes);
    }

    @Override
    public LayerOperations layers() {
        return layers;
    }

    private Operation product(Operand a, Operand b, Operand c, boolean accumulate) {
        return isLarge(a, b) ? oneDnn.sgemm(a, b, c, accumulate)
                : oneDnn.matmul(a, b, 0, c, Activation.IDENTITY, accumulate);
    }

    private static boolean isLarge(Operand a, Operand b) {
        return a.rows() * a.columns() * b.columns() >= SGEMM_MULTIPLY_ADDS;
    }

    private static Operation sequence(Operation first, Operation second) {
        return stream -> {
            first.enqueue(stream);
            second.enqueue(stream);
        };
    }

    private static Operand operand(Matrix matrix) {
        return Operand.of(CpuBuffer.address(matrix.data()), matrix.rows(), matrix.columns());
    }
}

package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaMemcpyAsync;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyDeviceToDevice;
import static org.bytedeco.cuda.global.cudart.cudaMemsetAsync;

import dev.lockstep.device.Activation;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.OperationChecks;
import dev.lockstep.device.Operations;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Matrix products by {@link CudaLinear}, the rest by the kernels of src/main/cuda. */
final class CudaOperations implements Operations {
    /**
     * As many as fill an H200 once: with tiles of 128 x 256, the largest, and 4096 columns, 1024 rows are 128 tiles for
     * 132 multiprocessors.
     */
    private static final int WEIGHT_GRADIENT_ROWS = 1024;

    private static final int WARP = 32;
    private static final int SINGLE_BLOCK_THREADS = 1024;
    /** Of a sum of squares, whatever the GPU: nearly what an H200 holds at once. */
    private static final int SQUARES_BLOCKS = 1024;
    private static final int SQUARES_THREADS = 256;

    private final CudaDevice device;
    private final DataType type;
    private final KernelModule kernels;
    private final CudaLinear linear;
    private final LayerOperations layers;

    CudaOperations(CudaDevice device) {
        this.device = device;
        type = device.computeType();
        kernels = KernelModule.load(device, KernelCache.ofUser(System.getenv()));
        linear = new CudaLinear(device, this);
        layers = new CudaLayers(device, kernels);
    }

    @Override
    public LayerOperations layers() {
        return layers;
    }

    /** {@inheritDoc} A fused RELU may turn NaN into 0: that the loss is a number does not tell of each weight. */
    @Override
    public Operation linearForward(Matrix x, Matrix weight, DeviceBuffer bias, Matrix y, Activation activation) {
        OperationChecks.linearForward(type, x, weight, bias, y, activation);
        return linear.forward(x, weight, bias, y, activation);
    }

    /** {@inheritDoc} With RELU and an x that {@link #linearForward} was made for before, x itself is not read. */
    @Override
    public Operation linearBackwardInput(Matrix yGradient, Matrix weight, Matrix xGradient, Activation activation,
            Matrix x, DeviceBuffer biasGradient) {
        OperationChecks.linearBackwardInput(type, yGradient, weight, xGradient, activation, x, biasGradient);
        return linear.backwardInput(yGradient, weight, xGradient, activation, x, biasGradient);
    }

    @Override
    public Operation linearBackwardWeight(Matrix x, Matrix yGradient, Matrix weightGradient, int firstRow,
            boolean accumulate) {
        OperationChecks.linearBackwardWeight(type, x, yGradient, weightGradient, firstRow);
        return linear.backwardWeight(x, yGradient, weightGradient, firstRow, accumulate);
    }

    @Override
    public int weightGradientRows() {
        return WEIGHT_GRADIENT_ROWS;
    }

    @Override
    public Operation linearBackwardBias(Matrix yGradient, DeviceBuffer biasGradient, boolean accumulate) {
        OperationChecks.linearBackwardBias(type, yGradient, biasGradient);
        int rows = yGradient.rows();
        int columns = yGradient.columns();
        ColumnSlices slices = ColumnSlices.of(device, rows, columns);
        long matrix = CudaBuffer.address(yGradient.data());
        long sums = CudaBuffer.address(biasGradient);
        int tiles = slices.tiles();
        int count = slices.count();
        if (count == 1) {
            return columnSums("column_sums", tiles, matrix, sums, rows, columns, slices.rows(), accumulate);
        }
        long partial = CudaBuffer.address(device.allocate(DataType.FLOAT32, (long) count * columns));
        return new Sequence(
                columnSums("column_sums", tiles * count, matrix, partial, rows, columns, slices.rows(), false),
                columnSums("sum_slices", tiles, partial, sums, count, columns, count, accumulate));
    }

    private Operation columnSums(String kernel, int blocks, long matrix, long sums, long rows, long columns,
            long sliceRows, boolean accumulate) {
        return kernels.kernel(kernel).launch(blocks, ColumnSlices.THREADS, matrix, sums, rows, columns, sliceRows,
                accumulate ? 1 : 0);
    }

    /** y[i, :] += bias. */
    Operation addBias(Matrix y, long bias) {
        return kernels.kernel("add_bias").forRows(y.rows(), y.columns(), 4, CudaBuffer.address(y.data()), bias,
                (long) y.rows(), (long) y.columns());
    }

    @Override
    public Operation activationForward(Activation activation, DeviceBuffer x, DeviceBuffer y) {
        OperationChecks.activationForward(type, x, y);
        long from = CudaBuffer.address(x);
        long to = CudaBuffer.address(y);
        return activation == Activation.IDENTITY ? copy(from, to, y.byteCount())
                : kernels.kernel(kernelName(activation, "forward")).forElements(y.elementCount(), from, to,
                        y.elementCount());
    }

    @Override
    public Operation activationBackward(Activation activation, DeviceBuffer x, DeviceBuffer y,
            DeviceBuffer yGradient, DeviceBuffer xGradient) {
        OperationChecks.activationBackward(type, activation, x, y, yGradient, xGradient);
        long from = CudaBuffer.address(yGradient);
        long to = CudaBuffer.address(xGradient);
        if (activation == Activation.IDENTITY) {
            return copy(from, to, xGradient.byteCount());
        }
        long saved = CudaBuffer.address(activation.derivativeFromOutput() ? y : x);
        return kernels.kernel(kernelName(activation, "backward")).forElements(xGradient.elementCount(), saved, from, to,
                xGradient.elementCount());
    }

    private static String kernelName(Activation activation, String direction) {
        return activation.name().toLowerCase(Locale.ROOT) + "_" + direction;
    }

    @Override
    public Operation crossEntropy(Matrix logits, DeviceBuffer labels, double labelSmoothing, DeviceBuffer statistics,
            Matrix logitsGradient, double gradientFactor) {
        OperationChecks.crossEntropy(type, logits, labels, labelSmoothing, statistics, logitsGradient, gradientFactor);
        int rows = logits.rows();
        long losses = CudaBuffer.address(device.allocate(DataType.FLOAT32, rows));
        long correct = CudaBuffer.address(device.allocate(DataType.INT32, rows));
        long gradient = logitsGradient == null ? 0 : CudaBuffer.address(logitsGradient.data());
        List<Object> arguments = new ArrayList<>(List.of(CudaBuffer.address(logits.data()), CudaBuffer.address(labels),
                losses, correct, gradient, (long) rows, (long) logits.columns(), (float) gradientFactor));
        if (labelSmoothing != 0) {
            arguments.add((float) labelSmoothing);
        }
        // A warp takes a row of up to 256 classes: what it finds needs no barrier then.
        Operation rowWise = kernels.kernel(labelSmoothing == 0 ? "cross_entropy" : "smoothed_cross_entropy")
                .forRows(rows, logits.columns(), 8, arguments.toArray());
        return new Sequence(rowWise, lossStatistics(losses, correct, statistics, rows));
    }

    @Override
    public Operation meanSquaredError(Matrix outputs, Matrix targets, DeviceBuffer statistics, Matrix outputsGradient,
            double gradientFactor) {
        OperationChecks.meanSquaredError(type, outputs, targets, statistics, outputsGradient, gradientFactor);
        int rows = outputs.rows();
        int columns = outputs.columns();
        long losses = CudaBuffer.address(device.allocate(DataType.FLOAT32, rows));
        long gradient = outputsGradient == null ? 0 : CudaBuffer.address(outputsGradient.data());
        Operation rowWise = kernels.kernel("mean_squared_error").forRows(rows, columns, 8,
                CudaBuffer.address(outputs.data()), CudaBuffer.address(targets.data()), losses, gradient, (long) rows,
                (long) columns, (float) (2 * gradientFactor / columns));
        return new Sequence(rowWise, lossStatistics(losses, 0, statistics, rows));
    }

    /** @param correct 0 where the loss knows no correct samples */
    private Operation lossStatistics(long losses, long correct, DeviceBuffer statistics, int rows) {
        int threads = Math.min(SINGLE_BLOCK_THREADS, (rows + WARP - 1) / WARP * WARP);
        return kernels.kernel("loss_statistics").launch(1, threads, losses, correct, CudaBuffer.address(statistics),
                (long) rows);
    }

    @Override
    public Operation gatherRows(Matrix source, DeviceBuffer indices, Matrix destination, float divisor) {
        OperationChecks.gatherRows(type, source, indices, destination, divisor);
        String kernel = source.data().type() == DataType.UINT8 ? "gather_rows_u8"
                : destination.data().type() == type ? "gather_rows_f32" : "gather_rows_unrounded";
        return kernels.kernel(kernel).forRows(destination.rows(), destination.columns(), 4,
                CudaBuffer.address(source.data()), CudaBuffer.address(indices), CudaBuffer.address(destination.data()),
                (long) destination.rows(), (long) destination.columns(), divisor);
    }

    @Override
    public Operation gatherLabels(DeviceBuffer source, DeviceBuffer indices, DeviceBuffer destination) {
        OperationChecks.gatherLabels(source, indices, destination);
        return kernels.kernel("gather_labels").forElements(destination.elementCount(), CudaBuffer.address(source),
                CudaBuffer.address(indices), CudaBuffer.address(destination), destination.elementCount());
    }

    @Override
    public Operation sgd(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer momentumBuffer,
            DeviceBuffer hyperparameters, boolean nesterov, DeviceBuffer converted) {
        OperationChecks.sgd(DataType.FLOAT32, parameter, gradient, momentumBuffer, hyperparameters, nesterov, converted);
        if (converted != null) {
            checkConverts();
        }
        long p = CudaBuffer.address(parameter);
        long g = CudaBuffer.address(gradient);
        long numbers = CudaBuffer.address(hyperparameters);
        long copy = converted == null ? 0 : CudaBuffer.address(converted);
        long count = parameter.elementCount();
        if (momentumBuffer == null) {
            return kernels.kernel("sgd").forElements(count, p, g, numbers, copy, count);
        }
        return kernels.kernel(nesterov ? "sgd_nesterov" : "sgd_momentum").forElements(count, p, g,
                CudaBuffer.address(momentumBuffer), numbers, copy, count);
    }

    @Override
    public Operation adam(DeviceBuffer parameter, DeviceBuffer gradient, DeviceBuffer average,
            DeviceBuffer squareAverage, DeviceBuffer hyperparameters, DeviceBuffer converted) {
        OperationChecks.adam(DataType.FLOAT32, parameter, gradient, average, squareAverage, hyperparameters, converted);
        if (converted != null) {
            checkConverts();
        }
        long count = parameter.elementCount();
        return kernels.kernel("adam").forElements(count, CudaBuffer.address(parameter), CudaBuffer.address(gradient),
                CudaBuffer.address(average), CudaBuffer.address(squareAverage), CudaBuffer.address(hyperparameters),
                converted == null ? 0L : CudaBuffer.address(converted), count);
    }

    @Override
    public Operation convert(DeviceBuffer source, DeviceBuffer destination) {
        OperationChecks.convert(source, destination);
        checkConverts();
        return kernels.kernel("convert").forElements(source.elementCount(), CudaBuffer.address(source),
                CudaBuffer.address(destination), source.elementCount());
    }

    private void checkConverts() {
        if (type != DataType.BFLOAT16) {
            throw new IllegalArgumentException("parameters are computed with as they are here, not converted");
        }
    }

    @Override
    public Operation clear(DeviceBuffer buffer) {
        Address address = new Address(CudaBuffer.address(buffer));
        long bytes = buffer.byteCount();
        return stream -> {
            device.makeCurrent();
            Cuda.check(cudaMemsetAsync(address, 0, bytes, CudaStream.of(stream).handle()), "cudaMemsetAsync");
        };
    }

    /** Nothing where both are the same. */
    private Operation copy(long source, long destination, long bytes) {
        if (source == destination) {
            return stream -> { };
        }
        Address from = new Address(source);
        Address to = new Address(destination);
        return stream -> {
            device.makeCurrent();
            Cuda.check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, CudaStream.of(stream).handle()),
                    "cudaMemcpyAsync");
        };
    }

    /** {@inheritDoc} The order of the sum depends on nothing but the number of elements, not on the GPU either. */
    @Override
    public Operation sumOfSquares(DeviceBuffer x, DeviceBuffer result) {
        OperationChecks.sumOfSquares(DataType.FLOAT32, x, result);
        long count = x.elementCount();
        int blocks = (int) Math.min(SQUARES_BLOCKS, (count - 1) / SQUARES_THREADS + 1);
        long partial = CudaBuffer.address(device.allocate(DataType.FLOAT64, blocks));
        return new Sequence(
                kernels.kernel("sum_of_squares").launch(blocks, SQUARES_THREADS, CudaBuffer.address(x), partial, count),
                kernels.kernel("sum_blocks").launch(1, SINGLE_BLOCK_THREADS, partial, CudaBuffer.address(result),
                        (long) blocks));
    }

    @Override
    public Operation clipCoefficient(DeviceBuffer sums, double maximumNorm, DeviceBuffer coefficient) {
        OperationChecks.clipCoefficient(sums, maximumNorm, coefficient);
        return kernels.kernel("clip_coefficient").launch(1, SINGLE_BLOCK_THREADS, CudaBuffer.address(sums),
                CudaBuffer.address(coefficient), sums.elementCount(), maximumNorm);
    }

    @Override
    public Operation clip(DeviceBuffer gradient, DeviceBuffer coefficient, double limit) {
        OperationChecks.clip(DataType.FLOAT32, gradient, coefficient, limit);
        long count = gradient.elementCount();
        return kernels.kernel("clip").forElements(count, CudaBuffer.address(gradient),
                coefficient == null ? 0L : CudaBuffer.address(coefficient), (float) limit, count);
    }
}

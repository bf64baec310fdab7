package dev.lockstep.device.cuda;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperationChecks;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;

/** Norms, dropout and residual blocks by the kernels of src/main/cuda. */
final class CudaLayers implements LayerOperations {
    /** That a thread of a row-wise kernel takes. */
    private static final int ELEMENTS_OF_THREAD = 4;
    private static final int SINGLE_BLOCK_THREADS = 32;

    private final CudaDevice device;
    private final DataType type;
    private final KernelModule kernels;

    CudaLayers(CudaDevice device, KernelModule kernels) {
        this.device = device;
        this.kernels = kernels;
        type = device.computeType();
    }

    @Override
    public Operation layerNormForward(Matrix x, DeviceBuffer weight, DeviceBuffer bias, double eps, Matrix y,
            DeviceBuffer statistics) {
        LayerOperationChecks.layerNormForward(type, x, weight, bias, eps, y, statistics);
        long means = CudaBuffer.address(statistics);
        return forRows("layer_norm_forward", x, address(x), CudaBuffer.address(weight), CudaBuffer.address(bias), address(y),
                means, second(statistics), (long) x.rows(), (long) x.columns(), (float) eps);
    }

    @Override
    public Operation layerNormBackward(Matrix x, Matrix yGradient, DeviceBuffer weight, DeviceBuffer statistics,
            Matrix xGradient) {
        LayerOperationChecks.layerNormBackward(type, x, yGradient, weight, statistics, xGradient);
        return forRows("layer_norm_backward", x, address(x), address(yGradient), CudaBuffer.address(weight),
                CudaBuffer.address(statistics), second(statistics), address(xGradient), (long) x.rows(), (long) x.columns());
    }

    @Override
    public Operation layerNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums) {
        LayerOperationChecks.layerNormBackwardSums(type, x, yGradient, statistics, sums);
        return columnSums("layer_norm_backward_sums", x, sums, address(x), address(yGradient),
                CudaBuffer.address(statistics), second(statistics));
    }

    @Override
    public Operation batchNormSums(Matrix x, DeviceBuffer sums) {
        LayerOperationChecks.batchNormSums(type, x, sums);
        Operation count = kernels.kernel("batch_norm_count").launch(1, SINGLE_BLOCK_THREADS, CudaBuffer.address(sums),
                (long) x.columns(), (long) x.rows());
        return new Sequence(columnSums("batch_norm_sums", x, sums, address(x)), count);
    }

    @Override
    public Operation batchNormStatistics(DeviceBuffer sums, double eps, double momentum, RunningStatistics running,
            DeviceBuffer statistics) {
        LayerOperationChecks.batchNormStatistics(type, sums, eps, momentum, running, statistics);
        long features = running.mean().elementCount();
        return kernels.kernel("batch_norm_statistics").forElements(features, CudaBuffer.address(sums),
                CudaBuffer.address(statistics), CudaBuffer.address(running.mean()), CudaBuffer.address(running.variance()),
                CudaBuffer.address(running.batches()), features, eps, momentum);
    }

    @Override
    public Operation batchNormRunningStatistics(RunningStatistics running, double eps, DeviceBuffer statistics) {
        LayerOperationChecks.batchNormRunningStatistics(type, running, eps, statistics);
        long features = running.mean().elementCount();
        return kernels.kernel("batch_norm_running_statistics").forElements(features, CudaBuffer.address(running.mean()),
                CudaBuffer.address(running.variance()), CudaBuffer.address(statistics), features, eps);
    }

    @Override
    public Operation batchNormForward(Matrix x, DeviceBuffer statistics, DeviceBuffer weight, DeviceBuffer bias, Matrix y) {
        LayerOperationChecks.batchNormForward(type, x, statistics, weight, bias, y);
        return forRows("batch_norm_forward", x, address(x), CudaBuffer.address(statistics), CudaBuffer.address(weight),
                CudaBuffer.address(bias), address(y), (long) x.rows(), (long) x.columns());
    }

    @Override
    public Operation batchNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums) {
        LayerOperationChecks.batchNormBackwardSums(type, x, yGradient, statistics, sums);
        return columnSums("batch_norm_backward_sums", x, sums, address(x), address(yGradient),
                CudaBuffer.address(statistics), second(statistics));
    }

    @Override
    public Operation batchNormBackward(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer weight,
            DeviceBuffer forwardSums, DeviceBuffer backwardSums, Matrix xGradient) {
        LayerOperationChecks.batchNormBackward(type, x, yGradient, statistics, weight, forwardSums, backwardSums,
                xGradient);
        return forRows("batch_norm_backward", x, address(x), address(yGradient), CudaBuffer.address(statistics),
                CudaBuffer.address(weight), CudaBuffer.address(forwardSums), CudaBuffer.address(backwardSums),
                address(xGradient), (long) x.rows(), (long) x.columns());
    }

    @Override
    public Operation normParameterGradients(DeviceBuffer sums, DeviceBuffer weightGradient, DeviceBuffer biasGradient,
            boolean accumulate) {
        LayerOperationChecks.normParameterGradients(type, sums, weightGradient, biasGradient);
        long features = biasGradient.elementCount();
        return kernels.kernel("norm_parameter_gradients").forElements(features, CudaBuffer.address(sums),
                CudaBuffer.address(weightGradient), CudaBuffer.address(biasGradient), features, accumulate ? 1 : 0);
    }

    @Override
    public Operation dropout(DeviceBuffer x, DeviceBuffer y, RandomSource source, double probability) {
        LayerOperationChecks.dropout(type, x, y, source, probability);
        long count = x.elementCount();
        long blocks = Math.max(1, count / ELEMENTS_OF_THREAD);
        return kernels.kernel("dropout").forElements(blocks, CudaBuffer.address(x), CudaBuffer.address(y),
                CudaBuffer.address(source.counters()), (int) source.seed(), (int) (source.seed() >>> Integer.SIZE),
                source.layerAndRank(), LayerOperations.dropThreshold(probability), (float) (1 / (1 - probability)), 0L,
                count);
    }

    @Override
    public Operation countUp(DeviceBuffer counters, int index) {
        LayerOperationChecks.countUp(counters, index);
        return kernels.kernel("count_up").launch(1, SINGLE_BLOCK_THREADS, CudaBuffer.address(counters), index, COUNTERS);
    }

    @Override
    public Operation add(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        return elementWise("add", a, b, y);
    }

    @Override
    public Operation multiply(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        return elementWise("multiply", a, b, y);
    }

    private Operation elementWise(String kernel, DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        LayerOperationChecks.elementWise(kernel, type, a, b, y);
        return kernels.kernel(kernel).forElements(y.elementCount(), CudaBuffer.address(a), CudaBuffer.address(b),
                CudaBuffer.address(y), y.elementCount());
    }

    private Operation forRows(String kernel, Matrix x, Object... arguments) {
        return kernels.kernel(kernel).forRows(x.rows(), x.columns(), ELEMENTS_OF_THREAD, arguments);
    }

    /** A kernel of column.h that sums two things down x's columns, into the two halves of {@code sums}. */
    private Operation columnSums(String kernel, Matrix x, DeviceBuffer sums, Object... arguments) {
        ColumnSlices slices = ColumnSlices.of(device, x.rows(), x.columns());
        long columns = x.columns();
        long to = CudaBuffer.address(sums);
        if (slices.count() == 1) {
            return launchColumnSums(kernel, slices, x, to, arguments);
        }
        long partial = CudaBuffer.address(device.allocate(DataType.FLOAT64, 2L * slices.count() * columns));
        return new Sequence(launchColumnSums(kernel, slices, x, partial, arguments),
                kernels.kernel("sum_column_slices").forElements(2 * columns, partial, to, (long) slices.count(),
                        2 * columns));
    }

    private Operation launchColumnSums(String kernel, ColumnSlices slices, Matrix x, long to, Object... arguments) {
        long columns = x.columns();
        Object[] all = new Object[arguments.length + 7];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        Object[] rest = {to, to + columns * Double.BYTES, (long) x.rows(), columns, columns, slices.rows(), 2 * columns};
        System.arraycopy(rest, 0, all, arguments.length, rest.length);
        return kernels.kernel(kernel).launch(slices.tiles() * slices.count(), ColumnSlices.THREADS, all);
    }

    private static long address(Matrix matrix) {
        return CudaBuffer.address(matrix.data());
    }

    /** The address of the second half of the buffer. */
    private static long second(DeviceBuffer halves) {
        return CudaBuffer.address(halves) + halves.byteCount() / 2;
    }
}

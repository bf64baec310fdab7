package dev.lockstep.device.cpu;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperationChecks;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;

/** Norms, dropout and residual blocks by {@link CpuLayerKernels}. FLOAT32 throughout. */
final class CpuLayers implements LayerOperations {
    private static final DataType TYPE = DataType.FLOAT32;

    @Override
    public Operation layerNormForward(Matrix x, DeviceBuffer weight, DeviceBuffer bias, double eps, Matrix y,
            DeviceBuffer statistics) {
        LayerOperationChecks.layerNormForward(TYPE, x, weight, bias, eps, y, statistics);
        long from = address(x);
        long weights = CpuBuffer.address(weight);
        long biases = CpuBuffer.address(bias);
        long to = address(y);
        long results = CpuBuffer.address(statistics);
        return stream -> CpuLayerKernels.layerNormForward(from, weights, biases, to, results, x.rows(), x.columns(),
                (float) eps);
    }

    @Override
    public Operation layerNormBackward(Matrix x, Matrix yGradient, DeviceBuffer weight, DeviceBuffer statistics,
            Matrix xGradient) {
        LayerOperationChecks.layerNormBackward(TYPE, x, yGradient, weight, statistics, xGradient);
        long input = address(x);
        long from = address(yGradient);
        long weights = CpuBuffer.address(weight);
        long results = CpuBuffer.address(statistics);
        long to = address(xGradient);
        return stream -> CpuLayerKernels.layerNormBackward(input, from, weights, results, to, x.rows(), x.columns());
    }

    @Override
    public Operation layerNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums) {
        LayerOperationChecks.layerNormBackwardSums(TYPE, x, yGradient, statistics, sums);
        long input = address(x);
        long from = address(yGradient);
        long results = CpuBuffer.address(statistics);
        long to = CpuBuffer.address(sums);
        return stream -> CpuLayerKernels.layerNormBackwardSums(input, from, results, to, x.rows(), x.columns());
    }

    @Override
    public Operation batchNormSums(Matrix x, DeviceBuffer sums) {
        LayerOperationChecks.batchNormSums(TYPE, x, sums);
        long from = address(x);
        long to = CpuBuffer.address(sums);
        return stream -> CpuLayerKernels.batchNormSums(from, to, x.rows(), x.columns());
    }

    @Override
    public Operation batchNormStatistics(DeviceBuffer sums, double eps, double momentum, RunningStatistics running,
            DeviceBuffer statistics) {
        LayerOperationChecks.batchNormStatistics(TYPE, sums, eps, momentum, running, statistics);
        long from = CpuBuffer.address(sums);
        long to = CpuBuffer.address(statistics);
        long mean = CpuBuffer.address(running.mean());
        long variance = CpuBuffer.address(running.variance());
        long batches = CpuBuffer.address(running.batches());
        long features = running.mean().elementCount();
        return stream -> CpuLayerKernels.batchNormStatistics(from, to, mean, variance, batches, features, eps, momentum);
    }

    @Override
    public Operation batchNormRunningStatistics(RunningStatistics running, double eps, DeviceBuffer statistics) {
        LayerOperationChecks.batchNormRunningStatistics(TYPE, running, eps, statistics);
        long mean = CpuBuffer.address(running.mean());
        long variance = CpuBuffer.address(running.variance());
        long to = CpuBuffer.address(statistics);
        long features = running.mean().elementCount();
        return stream -> CpuLayerKernels.batchNormRunningStatistics(mean, variance, to, features, eps);
    }

    @Override
    public Operation batchNormForward(Matrix x, DeviceBuffer statistics, DeviceBuffer weight, DeviceBuffer bias, Matrix y) {
        LayerOperationChecks.batchNormForward(TYPE, x, statistics, weight, bias, y);
        long from = address(x);
        long results = CpuBuffer.address(statistics);
        long weights = CpuBuffer.address(weight);
        long biases = CpuBuffer.address(bias);
        long to = address(y);
        return stream -> CpuLayerKernels.batchNormForward(from, results, weights, biases, to, x.rows(), x.columns());
    }

    @Override
    public Operation batchNormBackwardSums(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer sums) {
        LayerOperationChecks.batchNormBackwardSums(TYPE, x, yGradient, statistics, sums);
        long input = address(x);
        long from = address(yGradient);
        long results = CpuBuffer.address(statistics);
        long to = CpuBuffer.address(sums);
        return stream -> CpuLayerKernels.batchNormBackwardSums(input, from, results, to, x.rows(), x.columns());
    }

    @Override
    public Operation batchNormBackward(Matrix x, Matrix yGradient, DeviceBuffer statistics, DeviceBuffer weight,
            DeviceBuffer forwardSums, DeviceBuffer backwardSums, Matrix xGradient) {
        LayerOperationChecks.batchNormBackward(TYPE, x, yGradient, statistics, weight, forwardSums, backwardSums,
                xGradient);
        long input = address(x);
        long from = address(yGradient);
        long results = CpuBuffer.address(statistics);
        long weights = CpuBuffer.address(weight);
        long counted = CpuBuffer.address(forwardSums);
        long sums = CpuBuffer.address(backwardSums);
        long to = address(xGradient);
        return stream -> CpuLayerKernels.batchNormBackward(input, from, results, weights, counted, sums, to, x.rows(),
                x.columns());
    }

    @Override
    public Operation normParameterGradients(DeviceBuffer sums, DeviceBuffer weightGradient, DeviceBuffer biasGradient,
            boolean accumulate) {
        LayerOperationChecks.normParameterGradients(TYPE, sums, weightGradient, biasGradient);
        long from = CpuBuffer.address(sums);
        long weight = CpuBuffer.address(weightGradient);
        long bias = CpuBuffer.address(biasGradient);
        long features = biasGradient.elementCount();
        return stream -> CpuLayerKernels.normParameterGradients(from, weight, bias, features, accumulate);
    }

    @Override
    public Operation dropout(DeviceBuffer x, DeviceBuffer y, RandomSource source, double probability) {
        LayerOperationChecks.dropout(TYPE, x, y, source, probability);
        long from = CpuBuffer.address(x);
        long to = CpuBuffer.address(y);
        long counters = CpuBuffer.address(source.counters());
        int threshold = LayerOperations.dropThreshold(probability);
        float scale = (float) (1 / (1 - probability));
        return stream -> CpuLayerKernels.dropout(from, to, counters, source.seed(), source.layerAndRank(), threshold, scale,
                x.elementCount());
    }

    @Override
    public Operation countUp(DeviceBuffer counters, int index) {
        LayerOperationChecks.countUp(counters, index);
        long address = CpuBuffer.address(counters);
        return stream -> CpuLayerKernels.countUp(address, index, COUNTERS);
    }

    @Override
    public Operation add(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        LayerOperationChecks.elementWise("add", TYPE, a, b, y);
        long first = CpuBuffer.address(a);
        long second = CpuBuffer.address(b);
        long to = CpuBuffer.address(y);
        return stream -> CpuLayerKernels.add(first, second, to, y.elementCount());
    }

    @Override
    public Operation multiply(DeviceBuffer a, DeviceBuffer b, DeviceBuffer y) {
        LayerOperationChecks.elementWise("multiply", TYPE, a, b, y);
        long first = CpuBuffer.address(a);
        long second = CpuBuffer.address(b);
        long to = CpuBuffer.address(y);
        return stream -> CpuLayerKernels.multiply(first, second, to, y.elementCount());
    }

    private static long address(Matrix matrix) {
        return CpuBuffer.address(matrix.data());
    }
}

package dev.lockstep.device.cpu;

/**
 * What {@link CpuKernels} is to all others, for norms, dropout and residual blocks (src/main/native/cpu_layers.cpp). The
 * layouts of sums and statistics are those of LayerOperations.
 */
final class CpuLayerKernels {
    static {
        CpuKernels.load();
    }

    private CpuLayerKernels() {
    }

    static native void layerNormForward(long x, long weight, long bias, long y, long statistics, long rows, long features,
            float eps);

    static native void layerNormBackward(long x, long yGradient, long weight, long statistics, long xGradient, long rows,
            long features);

    static native void layerNormBackwardSums(long x, long yGradient, long statistics, long sums, long rows, long features);

    static native void batchNormSums(long x, long sums, long rows, long features);

    static native void batchNormStatistics(long sums, long statistics, long runningMean, long runningVariance,
            long batches, long features, double eps, double momentum);

    static native void batchNormRunningStatistics(long runningMean, long runningVariance, long statistics, long features,
            double eps);

    static native void batchNormForward(long x, long statistics, long weight, long bias, long y, long rows, long features);

    static native void batchNormBackwardSums(long x, long yGradient, long statistics, long sums, long rows, long features);

    static native void batchNormBackward(long x, long yGradient, long statistics, long weight, long forwardSums,
            long backwardSums, long xGradient, long rows, long features);

    static native void normParameterGradients(long sums, long weightGradient, long biasGradient, long features,
            boolean accumulate);

    static native void dropout(long x, long y, long counters, long seed, int layerAndRank, int threshold, float scale,
            long count);

    static native void countUp(long counters, int index, int count);

    static native void multiply(long a, long b, long y, long count);

    static native void add(long a, long b, long y, long count);
}

package dev.lockstep.device.cpu;

import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * The compiled half of this package (src/main/native/cpu_kernels.cpp). Addresses and counts are taken on trust: callers
 * have checked them. What the kernels compute is said beside their source in src/main/cuda.
 */
final class CpuKernels {
    /** System property: the folder of the compiled library, where it is not on java.library.path. */
    static final String FOLDER_PROPERTY = "lockstep.native";

    static {
        String folder = System.getProperty(FOLDER_PROPERTY);
        if (folder == null) {
            System.loadLibrary("lockstep_cpu");
        } else {
            System.load(Path.of(folder, System.mapLibraryName("lockstep_cpu")).toAbsolutePath().toString());
        }
    }

    private CpuKernels() {
    }

    /** Does nothing that the library's loading, by this class's being there, has not done. */
    static void load() {
    }

    /** Zeroed, page-aligned memory; 0 if there is none. */
    static native long allocate(long bytes);

    static native void free(long address, long bytes);

    static native ByteBuffer view(long address, long bytes);

    /** Threads of the OpenMP regions that the calling thread opens. */
    static native void setThreads(int threads);

    /** What the C library's heap has handed out, in bytes: for tests of steady states. */
    static native long heapBytesInUse();

    static native void clear(long address, long bytes);

    /** Of floats; {@code from} may be {@code to}. */
    static native void copy(long from, long to, long count);

    static native void gatherRowsU8(long source, long indices, long destination, long rows, long columns,
            float divisor);

    static native void gatherRowsF32(long source, long indices, long destination, long rows, long columns,
            float divisor);

    static native void gatherLabels(long source, long indices, long destination, long count);

    static native void columnSums(long matrix, long sums, long rows, long columns, boolean accumulate);

    static native void reluForward(long x, long y, long count);

    static native void reluBackward(long y, long yGradient, long xGradient, long count);

    static native void crossEntropy(long logits, long labels, long statistics, long gradient, long losses,
            long correct, long rows, long classes, float factor, float smoothing);

    /** {@code factor}: of outputs − targets in the gradient. */
    static native void meanSquaredError(long outputs, long targets, long statistics, long gradient, long losses,
            long rows, long columns, float factor);

    /** {@code buffer} 0: plain SGD. */
    static native void sgd(long p, long g, long buffer, long hyperparameters, long count, boolean nesterov);

    static native void adam(long p, long g, long average, long squareAverage, long hyperparameters, long count);

    /** Elements whose squares are summed together: SQUARES_BLOCK in norm.h. */
    static final int SQUARES_BLOCK = 1 << 14;

    /** {@code partial}: doubles, one for each {@link #SQUARES_BLOCK} elements begun. */
    static native void sumOfSquares(long x, long partial, long result, long count);

    static native void clipCoefficient(long sums, long coefficient, long count, double maximumNorm);

    /** {@code coefficient} 0: none. */
    static native void clip(long gradient, long coefficient, float limit, long count);
}

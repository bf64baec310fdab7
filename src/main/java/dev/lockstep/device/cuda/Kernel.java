package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cuLaunchKernel;

import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/** A kernel of a {@link KernelModule}. */
final class Kernel {
    /** What suits kernels that keep no shared memory: several blocks to a multiprocessor, of several warps. */
    private static final int THREADS = 256;
    static final int THREADS_OF_MULTIPROCESSOR = 2048;
    /** GROUP in kernel.h. */
    private static final int ELEMENTS_OF_THREAD = 4;
    private static final int WARP = 32;
    private static final int MAXIMUM_THREADS = 1024;

    private final CudaDevice device;
    private final String name;
    private final CUfunc_st function;

    Kernel(CudaDevice device, String name, CUfunc_st function) {
        this.device = device;
        this.name = name;
        this.function = function;
    }

    /** A launch for a kernel of FOR_EACH over {@code elementCount} elements. */
    Operation forElements(long elementCount, Object... arguments) {
        return launch(elementBlocks(device, elementCount), THREADS, arguments);
    }

    /**
     * Blocks of {@link #forElements}: so many as run at a time, for the kernels' loops go over the rest; where that is much,
     * more of them, which take turns, so that none is still at work when the others are done.
     */
    static int elementBlocks(CudaDevice device, long elementCount) {
        long atOnce = (long) device.multiprocessors() * (THREADS_OF_MULTIPROCESSOR / THREADS);
        long most = Math.max(atOnce, blocks(elementCount, THREADS * ELEMENTS_OF_THREAD));
        return Math.toIntExact(Math.min(most, blocks(elementCount, THREADS)));
    }

    private static long blocks(long elementCount, int elementsPerBlock) {
        return (elementCount + elementsPerBlock - 1) / elementsPerBlock;
    }

    /** A launch for a kernel of FOR_EACH_ROW, in which a thread takes some {@code elementsPerThread} elements. */
    Operation forRows(int rows, long columns, int elementsPerThread, Object... arguments) {
        long warps = (columns + (long) WARP * elementsPerThread - 1) / ((long) WARP * elementsPerThread);
        return launch(rows, (int) Math.min(MAXIMUM_THREADS, warps * WARP), arguments);
    }

    /**
     * @param arguments as the kernel's parameters are: Long for a pointer or a long, Integer, Float, Double; read now, once
     */
    Operation launch(int blocks, int threads, Object... arguments) {
        return new Launch(device, "cuLaunchKernel of " + name, function, blocks, threads, new Arguments(arguments));
    }

    /** Native memory with the arguments' values, and with their addresses, as the driver wants them. */
    private static final class Arguments {
        /** Kept: {@link #addresses} point into it. */
        private final LongPointer values;
        private final PointerPointer<Pointer> addresses;

        Arguments(Object... arguments) {
            values = new LongPointer(arguments.length);
            addresses = new PointerPointer<>(arguments.length);
            for (int i = 0; i < arguments.length; i++) {
                values.put(i, bits(arguments[i]));
                addresses.put(i, new Address(values.address() + (long) i * Long.BYTES));
            }
        }

        /** In the lower bytes, where a little-endian machine looks for the shorter types. */
        private static long bits(Object argument) {
            if (argument instanceof Long value) {
                return value;
            }
            if (argument instanceof Integer value) {
                return value;
            }
            if (argument instanceof Float value) {
                return Float.floatToRawIntBits(value);
            }
            if (argument instanceof Double value) {
                return Double.doubleToRawLongBits(value);
            }
            throw new IllegalArgumentException("a kernel's argument of " + argument.getClass());
        }
    }

    private record Launch(CudaDevice device, String call, CUfunc_st function, int blocks, int threads,
            Arguments arguments) implements Operation {
        @Override
        public void enqueue(Stream stream) {
            device.makeCurrent();
            Cuda.check(cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, CudaStream.of(stream).handle(),
                    arguments.addresses, null), call);
        }

        @Override
        public String toString() {
            return call.substring(call.lastIndexOf(' ') + 1);
        }
    }
}

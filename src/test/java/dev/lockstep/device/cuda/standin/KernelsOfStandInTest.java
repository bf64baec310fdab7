package dev.lockstep.device.cuda.standin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Kernels that NVRTC's stand-in compiles, launched as the driver does. */
@Timeout(120)
class KernelsOfStandInTest extends StandInContract {
    private static final String INDICES = """
            extern "C" __global__ void fill(float* y, long count) {
                for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
                    y[i] = i;
                }
            }
            """;

    @Test
    void shouldSpreadAGridOverAllElements() {
        FloatPointer y = device(1000);

        launch(INDICES, "fill", 3, 64, pointer(y), new LongPointer(new long[] {1000}));

        float[] values = values(y);
        for (int i = 0; i < 1000; i++) {
            assertEquals(i, values[i]);
        }
    }

    @Test
    void shouldSumWithShufflesAndSharedMemory() {
        String source = """
                extern "C" __global__ void row_sums(const float* x, float* sums, int columns) {
                    __shared__ float partial[32];
                    float sum = 0;
                    for (int j = threadIdx.x; j < columns; j += blockDim.x) {
                        sum += x[blockIdx.x * columns + j];
                    }
                    for (int distance = 16; distance > 0; distance /= 2) {
                        sum += __shfl_down_sync(0xFFFFFFFFu, sum, distance);
                    }
                    if (threadIdx.x % warpSize == 0) {
                        partial[threadIdx.x / warpSize] = sum;
                    }
                    __syncthreads();
                    if (threadIdx.x == 0) {
                        float total = 0;
                        for (int i = 0; i < blockDim.x / warpSize; ++i) {
                            total += partial[i];
                        }
                        sums[blockIdx.x] = total;
                    }
                }
                """;
        int rows = 5;
        int columns = 777;
        float[] x = new float[rows * columns];
        float[] expected = new float[rows];
        for (int i = 0; i < x.length; i++) {
            x[i] = i % 11;
            expected[i / columns] += x[i];
        }
        FloatPointer sums = device(rows);

        launch(source, "row_sums", rows, 256, pointer(device(x)), pointer(sums), new IntPointer(new int[] {columns}));

        assertArrayEquals(expected, values(sums));
    }

    @Test
    void shouldExchangeWithinWarpsAndVote() {
        String source = """
                extern "C" __global__ void votes(float* y) {
                    int i = threadIdx.x;
                    int up = __shfl_up_sync(0xFFFFFFFFu, i, 1);
                    int other = __shfl_xor_sync(0xFFFFFFFFu, i, 5);
                    int first = __shfl_sync(0xFFFFFFFFu, i, 0);
                    bool any = __any_sync(0xFFFFFFFFu, i == 40);
                    bool all = __all_sync(0xFFFFFFFFu, i < 40);
                    unsigned odd = __ballot_sync(0xFFFFFFFFu, i & 1);
                    int many = __syncthreads_count(i < 50);
                    bool right = up == (i % 32 == 0 ? i : i - 1) && other == (i ^ 5) && first == i / 32 * 32
                            && any == (i >= 32) && all == (i < 32) && odd == 0xAAAAAAAAu && many == 50;
                    y[i] = right;
                }
                """;
        FloatPointer y = device(64);

        launch(source, "votes", 1, 64, pointer(y));

        for (float value : values(y)) {
            assertEquals(1, value);
        }
    }

    @Test
    void shouldAddAtomicallyAndComputeAsTheGpuDoes() {
        String source = """
                extern "C" __global__ void sums(float* f, double* d, int* i, float x, double y) {
                    atomicAdd(f, rsqrtf(x));
                    atomicAdd(d, y);
                    atomicAdd(i, isfinite(x) ? 1 : 0);
                    atomicMax(i + 1, (int) threadIdx.x);
                    atomicCAS(i + 2, -1, __float_as_int(x));
                }
                """;
        FloatPointer f = device(0.0f);
        FloatPointer d = device(0.0f, 0.0f);
        FloatPointer i = device(0.0f, 0.0f, Float.intBitsToFloat(-1));

        launch(source, "sums", 4, 64, pointer(f), pointer(d), pointer(i), new FloatPointer(4.0f),
                new DoublePointer(0.25));

        assertEquals(128, values(f)[0]);
        float[] halves = values(d);
        assertEquals(64, Double.longBitsToDouble((long) Float.floatToRawIntBits(halves[1]) << 32
                | Float.floatToRawIntBits(halves[0]) & 0xFFFFFFFFL));
        assertEquals(256, Float.floatToRawIntBits(values(i)[0]));
        assertEquals(63, Float.floatToRawIntBits(values(i)[1]));
        assertEquals(4.0f, values(i)[2]);
    }

    @Test
    void shouldCopyArgumentsAtTheLaunch() {
        CUstream_st stream = stream();
        FloatPointer y = device(1.0f, 1.0f, 1.0f);
        LongPointer count = new LongPointer(new long[] {2});
        launchOn(stream, function(INDICES, "fill"), 1, 32, pointer(y), count);
        count.put(0, 3);
        synchronize(stream);

        assertArrayEquals(new float[] {0, 1, 1}, values(y));
    }

    @Test
    void shouldFailWhereThreadsMissABarrier() {
        String source = """
                extern "C" __global__ void divergent(float* y) {
                    if (threadIdx.x == 3) return;
                    __syncthreads();
                    y[threadIdx.x] = 0;
                }
                """;
        CUstream_st stream = stream();

        launchOn(stream, function(source, "divergent"), 1, 32, pointer(device(32)));

        assertError("cudaErrorLaunchFailure", cudart.cudaStreamSynchronize(stream));
        assertError("cudaErrorLaunchFailure", cudart.cudaMalloc(new FloatPointer(), 4));
        assertError("cudaErrorLaunchFailure", cudart.cudaGetLastError());
    }

    @Test
    void shouldRunAgainAfterAKernelFailed() {
        shouldFailWhereThreadsMissABarrier();
        CudaStandIn.reset();
        shouldSumWithShufflesAndSharedMemory();
    }

    /** A process may have so many mappings, and a thread of a block takes two. */
    @Test
    void shouldGiveBackTheStacksOfAStreamsThreads() throws Exception {
        String source = """
                extern "C" __global__ void meet() {
                    __syncthreads();
                }
                """;
        CUfunc_st function = function(source, "meet");
        long before = mappings();
        for (int i = 0; i < 4; i++) {
            CUstream_st stream = new CUstream_st();
            check(cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking));
            launchOn(stream, function, 1, 1024);
            synchronize(stream);
            check(cudart.cudaStreamDestroy(stream));
        }

        assertTrue(mappings() - before < 1024, before + " mappings, and now " + mappings());
    }

    private static long mappings() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.count();
        }
    }

    @Test
    void shouldFailWhereAKernelLeavesItsMemory() {
        CUstream_st stream = stream();
        FloatPointer y = device(1 << 16);

        launchOn(stream, function(INDICES, "fill"), 1, 32, pointer(y), new LongPointer(new long[] {(1 << 16) + 64}));

        assertError("cudaErrorIllegalAddress", cudart.cudaStreamSynchronize(stream));
    }

    @Test
    void shouldLeaveTheJvmItsOwnUseOfSignals() {
        shouldFailWhereAKernelLeavesItsMemory();
        int[][] arrays = {{1}, null};
        int thrown = 0;
        for (int i = 0; i < 200_000; i++) {
            try {
                thrown += arrays[i % 1000 == 0 ? 1 : 0].length - 1;
            } catch (NullPointerException e) {
                thrown++;
            }
        }
        assertEquals(200, thrown);
    }

    @Test
    void shouldFailWhereAKernelWritesJustBesideItsMemory() {
        CUstream_st stream = stream();

        launchOn(stream, function(INDICES, "fill"), 1, 32, pointer(device(10)), new LongPointer(new long[] {11}));

        assertError("cudaErrorIllegalAddress", cudart.cudaStreamSynchronize(stream));
    }

    @Test
    void shouldFailWhereAKernelIsGivenHostMemory() {
        CUstream_st stream = stream();

        launchOn(stream, function(INDICES, "fill"), 1, 32, pointer(new FloatPointer(10)),
                new LongPointer(new long[] {10}));

        assertError("cudaErrorIllegalAddress", cudart.cudaStreamSynchronize(stream));
    }

    @Test
    void shouldRefuseLaunchesThatNoDeviceRuns() {
        CUfunc_st function = function(INDICES, "fill");
        PointerPointer<Pointer> none = new PointerPointer<>(pointer(device(1)), new LongPointer(new long[] {1}));

        assertError("cudaErrorInvalidValue",
                cudart.cuLaunchKernel(function, 0, 1, 1, 32, 1, 1, 0, stream(), none, null));
        assertError("cudaErrorInvalidValue",
                cudart.cuLaunchKernel(function, 1, 1, 1, 1025, 1, 1, 0, stream(), none, null));
        assertError("cudaErrorSymbolNotFound",
                cudart.cuModuleGetFunction(new CUfunc_st(), module(compile(INDICES)), "absent"));
    }

    @Test
    void shouldWantADeviceToBeCurrentForTheThreadThatLaunches() throws Exception {
        CUfunc_st function = function(INDICES, "fill");
        PointerPointer<Pointer> arguments = new PointerPointer<>(pointer(device(1)), new LongPointer(new long[] {1}));
        CUstream_st stream = stream();
        Thread other = new Thread(() -> {
            assertError("cudaErrorDeviceUninitialized",
                    cudart.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, arguments, null));
            check(cudart.cudaSetDevice(0));
            check(cudart.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, arguments, null));
            synchronize(stream);
        });
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        other.setUncaughtExceptionHandler((thread, e) -> thrown.set(e));
        other.start();
        other.join();
        assertNull(thrown.get());
    }

    @Test
    void shouldRefuseCubinsForOtherDevicesAndBrokenOnes() {
        BytePointer cubin = compile(INDICES);
        CudaStandIn.set("COMPUTE_CAPABILITY", "80");
        assertError("cudaErrorNoKernelImageForDevice", cudart.cuModuleLoadData(new CUmod_st(), cubin));
        CudaStandIn.set("COMPUTE_CAPABILITY", "90");
        cubin.put(1000, (byte) (cubin.get(1000) + 1));
        assertError("cudaErrorInvalidKernelImage", cudart.cuModuleLoadData(new CUmod_st(), cubin));
    }

    @Test
    void shouldGiveTheCompilersMessages() {
        Program program = new Program("#include \"broken.h\"\n", "broken.h",
                "extern \"C\" __global__ void f() { nonsense; }");

        assertEquals(nvrtc.NVRTC_ERROR_COMPILATION, program.compile("--gpu-architecture=sm_90"));
        assertTrue(program.log().contains("broken.h:1:") && program.log().contains("nonsense"), program.log());
        assertEquals(nvrtc.NVRTC_ERROR_INVALID_OPTION, program.compile("--gpu-architecture=sm_12"));
        assertEquals(nvrtc.NVRTC_ERROR_INVALID_OPTION, program.compile("--no-such-option"));
        program.close();
    }

    private void launch(String source, String name, int blocks, int threads, Pointer... arguments) {
        CUstream_st stream = stream();
        launchOn(stream, function(source, name), blocks, threads, arguments);
        synchronize(stream);
    }

    private static void launchOn(CUstream_st stream, CUfunc_st function, int blocks, int threads,
            Pointer... arguments) {
        check(cudart.cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream,
                new PointerPointer<>(arguments), null));
        Reference.reachabilityFence(arguments);
    }

    /** A pointer argument: a cell that holds the address. */
    private static Pointer pointer(Pointer memory) {
        return new PointerPointer<>(1).put(0, memory);
    }

    private CUfunc_st function(String source, String name) {
        CUfunc_st function = new CUfunc_st();
        check(cudart.cuModuleGetFunction(function, module(compile(source)), name));
        return function;
    }

    private CUmod_st module(BytePointer cubin) {
        CUmod_st module = new CUmod_st();
        check(cudart.cuModuleLoadData(module, cubin));
        atEnd(() -> cudart.cuModuleUnload(module));
        return module;
    }

    private static BytePointer compile(String source) {
        try (Program program = new Program(source)) {
            assertEquals(nvrtc.NVRTC_SUCCESS, program.compile("--gpu-architecture=sm_90"), program::log);
            return program.cubin();
        }
    }

    /** A program of NVRTC. */
    private static final class Program implements AutoCloseable {
        private final _nvrtcProgram handle = new _nvrtcProgram();

        /** @param headers names and sources in turn */
        Program(String source, String... headers) {
            int count = headers.length / 2;
            PointerPointer<BytePointer> names = new PointerPointer<>(Math.max(1, count));
            PointerPointer<BytePointer> sources = new PointerPointer<>(Math.max(1, count));
            for (int i = 0; i < count; i++) {
                names.put(i, new BytePointer(headers[2 * i]));
                sources.put(i, new BytePointer(headers[2 * i + 1]));
            }
            assertEquals(nvrtc.NVRTC_SUCCESS, nvrtc.nvrtcCreateProgram(handle, new BytePointer(source),
                    new BytePointer("kernels.cu"), count, sources, names));
        }

        int compile(String... options) {
            return nvrtc.nvrtcCompileProgram(handle, options.length, new PointerPointer<>(options));
        }

        String log() {
            SizeTPointer bytes = new SizeTPointer(1);
            nvrtc.nvrtcGetProgramLogSize(handle, bytes);
            BytePointer log = new BytePointer(bytes.get());
            nvrtc.nvrtcGetProgramLog(handle, log);
            return log.getString();
        }

        BytePointer cubin() {
            SizeTPointer bytes = new SizeTPointer(1);
            assertEquals(nvrtc.NVRTC_SUCCESS, nvrtc.nvrtcGetCUBINSize(handle, bytes));
            BytePointer cubin = new BytePointer(bytes.get());
            assertEquals(nvrtc.NVRTC_SUCCESS, nvrtc.nvrtcGetCUBIN(handle, cubin));
            return cubin;
        }

        @Override
        public void close() {
            assertEquals(nvrtc.NVRTC_SUCCESS, nvrtc.nvrtcDestroyProgram(handle));
        }
    }
}

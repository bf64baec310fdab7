package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.cuda.standin.CudaStandIn;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

/** How kernels come from source to the GPU. */
@Timeout(120)
class KernelCompilerTest {
    @TempDir
    private Path folder;

    @Test
    void shouldKnowEveryKernelSource() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("src/main/cuda"))) {
            assertEquals(KernelSource.HEADER_NAMES,
                    files.map(file -> file.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    @ResourceLock(Resources.SYSTEM_ERR)
    void shouldSayWhyKernelsDoNotCompile() {
        try (CudaDevice gpu = CudaDeviceOrSkip.openOrSkip()) {
            KernelSource broken = new KernelSource("#include \"broken.h\"\n", List.of("broken.h"), List.of(
                    "extern \"C\" __global__ void broken(float* x) {\n    x[0] = nowhere_declared;\n}\n"));
            KernelCompiler compiler = new KernelCompiler(gpu.computeCapability());
            PrintStream standardError = System.err;
            ByteArrayOutputStream log = new ByteArrayOutputStream();
            InvalidInputException thrown;
            try {
                System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
                thrown = assertThrows(InvalidInputException.class, () -> compiler.compile(broken));
            } finally {
                System.setErr(standardError);
            }
            String message = thrown.getMessage();
            assertEquals(1, message.lines().count(), message);
            assertTrue(message.startsWith("the GPU kernels do not compile for sm_" + gpu.computeCapability()), message);
            assertTrue(message.contains("broken.h") && message.contains("nowhere_declared"), message);
            assertTrue(log.toString(StandardCharsets.UTF_8).contains("nowhere_declared"));
        }
    }

    @Test
    void shouldGiveAnotherKeyToAnotherSourceOrGpu() {
        CudaDeviceOrSkip.probeOrSkip();
        KernelSource floats = KernelSource.forComputeType(DataType.FLOAT32);
        KernelSource bfloat16 = KernelSource.forComputeType(DataType.BFLOAT16);
        String key = new KernelCompiler(90).key(floats);
        assertEquals(key, new KernelCompiler(90).key(floats));
        assertNotEquals(key, new KernelCompiler(90).key(bfloat16));
        assertNotEquals(key, new KernelCompiler(80).key(floats));
    }

    @Test
    void shouldCompileOnceAndAgainWhereTheCacheIsDamagedOrAnothers() throws IOException {
        try (CudaDevice gpu = CudaDeviceOrSkip.openOrSkip()) {
            assumeTrue(CudaStandIn.isChosen(), "only the stand-in counts calls");
            KernelCache cache = new KernelCache(List.of(folder));
            CudaStandIn.reset();
            KernelModule.load(gpu, cache);
            assertEquals(1, CudaStandIn.calls("nvrtcCompileProgram"));
            KernelModule.load(gpu, cache);
            assertEquals(1, CudaStandIn.calls("nvrtcCompileProgram"), "it was in the cache");

            Path entry = onlyFile();
            byte[] whole = Files.readAllBytes(entry);
            Files.write(entry, new byte[] {1, 2, 3});
            KernelModule.load(gpu, cache);
            assertEquals(2, CudaStandIn.calls("nvrtcCompileProgram"), "the entry was damaged");
            assertArrayEquals(whole, Files.readAllBytes(entry), "and is whole again");

            String key = entry.getFileName().toString().replace(".cubin", "");
            cache.store(key, "not a cubin".getBytes(StandardCharsets.UTF_8));
            KernelModule.load(gpu, cache);
            assertEquals(3, CudaStandIn.calls("nvrtcCompileProgram"), "the entry was no cubin");
            assertArrayEquals(whole, Files.readAllBytes(entry));
        }
    }

    private Path onlyFile() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("kernels"))) {
            List<Path> found = files.toList();
            assertEquals(1, found.size(), found.toString());
            return found.get(0);
        }
    }

    /** The bits of a sum must not hang on which thread comes first. */
    @Test
    void shouldSumSquaresInDouble() {
        try (CudaDevice gpu = CudaDeviceOrSkip.openOrSkip()) {
            for (int count : new int[] {1, 31, 257, 100_003}) {
                double[] values = new double[count];
                double expected = 0;
                for (int i = 0; i < count; i++) {
                    values[i] = (float) Math.sin(i + 1);
                    expected += values[i] * values[i];
                }
                DeviceBuffer result = gpu.allocate(DataType.FLOAT64, 1);
                DeviceBuffer x = Buffers.floats(gpu, values);
                ((CudaOperations) gpu.operations()).sumOfSquares(x, result).enqueue(gpu.computeStream());
                // A thread adds up few of them as floats.
                assertEquals(expected, Buffers.read(result)[0], 4 * 0x1p-24 * expected, count + " elements");
            }
        }
    }
}

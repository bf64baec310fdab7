package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.bytedeco.cuda.global.cudart;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is concluded from CUDA's answers; no library is loaded. */
class CudaDevicesTest {
    private static final int CUDA_13_0 = 13000;
    private static final int CUDA_13_1 = 13010;
    private static final int[] COMPILABLE = {75, 80, 86, 90, 100};

    @Test
    void shouldAcceptADriverOfTheSameMajorVersionOrANewerOne() {
        assertEquals(Optional.empty(), CudaDevices.problem(CUDA_13_0, CUDA_13_0, cudart.cudaSuccess, 1));
        assertEquals(Optional.empty(), CudaDevices.problem(CUDA_13_0, CUDA_13_1, cudart.cudaSuccess, 8));
        assertEquals(Optional.empty(), CudaDevices.problem(14000, CUDA_13_1, cudart.cudaSuccess, 1));
    }

    @Test
    void shouldRefuseAnOlderDriver() {
        assertEquals(Optional.of("the NVIDIA driver runs CUDA up to 12.9, too old for the CUDA 13.1 libraries;"
                + " install a driver for CUDA 13"),
                CudaDevices.problem(12090, CUDA_13_1, cudart.cudaErrorInsufficientDriver, 0));
    }

    @Test
    void shouldSayWhyThereIsNoGpu() {
        refused("is not running", 0, cudart.cudaErrorInsufficientDriver);
        refused("no GPU", CUDA_13_0, cudart.cudaErrorNoDevice);
        refused("no GPU", CUDA_13_0, cudart.cudaSuccess);
        refused("stub", CUDA_13_0, cudart.cudaErrorStubLibrary);
        refused("different versions", CUDA_13_0, cudart.cudaErrorSystemDriverMismatch);
        refused("fabricmanager", CUDA_13_0, cudart.cudaErrorSystemNotReady);
    }

    private static void refused(String reason, int driver, int status) {
        String problem = CudaDevices.problem(driver, CUDA_13_0, status, 0).orElseThrow();
        assertTrue(problem.contains(reason), problem);
        assertEquals(1, problem.lines().count());
    }

    @Test
    void shouldSupportWhatTheToolkitCompilesFor() {
        assertEquals(Optional.empty(), CudaDevices.unsupported(gpu(75), MatmulPrecision.FP32, COMPILABLE));
        assertEquals(Optional.empty(), CudaDevices.unsupported(gpu(90), MatmulPrecision.FP32, COMPILABLE));
        assertEquals(Optional.of("GPU 3 (NVIDIA Test, 0000:3b:00.0) has compute capability 7.0, and 7.5 is the lowest"
                + " that is supported; set device to cpu"), CudaDevices.unsupported(gpu(70), MatmulPrecision.FP32, COMPILABLE));
        assertEquals(Optional.of("GPU 3 (NVIDIA Test, 0000:3b:00.0) has compute capability 12.1, which this CUDA"
                + " toolkit cannot compile for; install a newer CUDA " + CudaLibraries.MAJOR
                + " toolkit, or set device to cpu"), CudaDevices.unsupported(gpu(121), MatmulPrecision.FP32, COMPILABLE));
    }

    @Test
    void shouldTakeTensorCoresForGrantedOnlyFromAmpereOn() {
        for (MatmulPrecision precision : List.of(MatmulPrecision.TF32, MatmulPrecision.BF16)) {
            assertEquals(Optional.empty(), CudaDevices.unsupported(gpu(80), precision, COMPILABLE));
            String problem = CudaDevices.unsupported(gpu(75), precision, COMPILABLE).orElseThrow();
            assertTrue(problem.endsWith(" needs 8.0; set precision to fp32"), problem);
        }
    }

    private static CudaDeviceInfo gpu(int computeCapability) {
        return new CudaDeviceInfo(3, "NVIDIA Test", "GPU-0", "0000:3b:00.0", 0, computeCapability, 132);
    }

    @Test
    void shouldWriteIdsAndVersionsAsNvidiaDoes() {
        byte[] bytes = new byte[16];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 17);
        }
        assertEquals("GPU-00112233-4455-6677-8899-aabbccddeeff", CudaDevices.formatUuid(bytes));
        assertEquals("13.1", CudaVersions.ofCuda(CUDA_13_1));
        assertEquals("12.9", CudaVersions.ofCuda(12090));
        assertEquals("13.2.1", CudaVersions.ofCublas(130201));
    }

    @Test
    void shouldReadTheNumaNodeBesideAGpu(@TempDir Path root) throws IOException {
        Path folder = Files.createDirectories(root.resolve("sys/bus/pci/devices/0000:3b:00.0"));
        assertEquals(-1, CudaDevices.numaNode(root, "0000:3b:00.0"));
        Files.writeString(folder.resolve("numa_node"), "1\n");
        assertEquals(1, CudaDevices.numaNode(root, "0000:3b:00.0"));
    }
}

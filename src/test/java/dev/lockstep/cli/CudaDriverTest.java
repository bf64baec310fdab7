package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaDriverTest {
    @TempDir
    private Path root;

    @Test
    void shouldNameWhatIsMissing() throws IOException {
        assertEquals("no NVIDIA driver: no /dev/nvidiactl, no libcuda.so.1", CudaDriver.detect(root, null).reason());

        create("dev/nvidiactl", "");
        assertEquals("no NVIDIA driver: no libcuda.so.1", CudaDriver.detect(root, "").reason());
    }

    @Test
    void shouldSayThatThereIsNoBackendForTheGpusItFinds() throws IOException {
        create("dev/nvidiactl", "");
        create("opt/driver/libcuda.so.1", "");
        create("proc/driver/nvidia/gpus/0000:3b:00.0/information", "Model: \t\t NVIDIA H200\nIRQ:   \t\t 16\n");

        CudaDriver driver = CudaDriver.detect(root, "/nowhere:" + root.resolve("opt/driver"));

        assertEquals(List.of("NVIDIA H200"), driver.gpus());
        assertEquals("an NVIDIA driver is here, for 1 GPU (NVIDIA H200), but this version of lockstep has no CUDA backend",
                driver.reason());
    }

    private void create(String file, String content) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }
}

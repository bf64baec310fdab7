package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.device.cuda.standin.CudaStandIn;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernels under NVIDIA's own compiler, where the machine has it: without a GPU, too. */
@Timeout(120)
class NvrtcTest {
    /** The oldest and the newest generations that the README names, and Hopper. */
    @ParameterizedTest
    @ValueSource(strings = {"75", "90", "120"})
    void shouldCompileTheKernelsWithoutWarnings(String computeCapability) throws IOException {
        Map<String, String> environment = new HashMap<>(System.getenv());
        if (CudaStandIn.isChosen()) {
            environment.remove("CUDA_HOME");
        }
        Map<String, Path> found = new HashMap<>();
        CudaLibraries.find(environment, Path.of("/")).forEach(
                library -> library.path().ifPresent(path -> found.put(library.soname(), path)));
        Path nvrtc = found.get("libnvrtc.so." + CudaLibraries.MAJOR);
        assumeTrue(nvrtc != null, "no NVRTC on this machine");
        List<String> libraries = new ArrayList<>();
        // JavaCPP's classes want them, though nothing here calls them.
        for (String wanted : List.of("libcuda.so.1", "libcudart.so." + CudaLibraries.MAJOR)) {
            Path library = CudaStandIn.isChosen() ? CudaStandIn.HOME.resolve("lib64").resolve(wanted) : found.get(wanted);
            assumeTrue(library != null, "no " + wanted + " on this machine");
            libraries.add(library.toString());
        }
        try (Stream<Path> beside = Files.list(nvrtc.toRealPath().getParent())) {
            beside.map(Path::toString).filter(file -> file.contains("libnvrtc-builtins.so")).limit(1)
                    .forEach(libraries::add);
        }
        libraries.add(nvrtc.toString());
        ProcessRun.Result result = ProcessRun.command(Path.of(System.getProperty("java.home"), "bin", "java").toString())
                .arguments("-cp", System.getProperty("java.class.path"))
                .arguments("-Djava.library.path=" + System.getProperty("java.library.path"),
                        "-Dorg.bytedeco.javacpp.pathsFirst=true", "-Dorg.bytedeco.javacpp.cacheLibraries=false",
                        CompileKernels.class.getName(), computeCapability)
                .arguments(libraries.toArray(String[]::new))
                .limit(Duration.ofSeconds(100)).run();
        assertEquals(0, result.exitStatus(), result.toString());
        assertEquals(List.of("FLOAT32 is ELF: true, log:", "BFLOAT16 is ELF: true, log:"),
                result.stdout().lines().map(String::strip).toList());
    }
}

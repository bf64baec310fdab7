package dev.lockstep.cli;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Whether this machine has an NVIDIA driver, looked up in the file system: no library of it is loaded.
 *
 * @param gpus   the models, as far as the driver tells
 * @param reason why {@code device: auto} takes the CPU
 */
record CudaDriver(List<String> gpus, String reason) {
    private static final List<String> LIBRARY_FOLDERS = List.of("usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib",
            "usr/lib/wsl/lib", "usr/local/nvidia/lib64", "usr/local/cuda/compat");

    /**
     * @param root          of the file system
     * @param ldLibraryPath the environment variable, or null
     */
    static CudaDriver detect(Path root, String ldLibraryPath) {
        boolean deviceNode = Files.exists(root.resolve("dev/nvidiactl")) || Files.exists(root.resolve("dev/dxg"));
        Stream<Path> userFolders = ldLibraryPath == null ? Stream.empty()
                : Stream.of(ldLibraryPath.split(":")).filter(folder -> !folder.isBlank()).map(Path::of);
        boolean library = Stream.concat(userFolders, LIBRARY_FOLDERS.stream().map(root::resolve))
                .anyMatch(folder -> Files.exists(folder.resolve("libcuda.so.1")));
        if (!deviceNode || !library) {
            List<String> missing = new ArrayList<>();
            if (!deviceNode) {
                missing.add("no /dev/nvidiactl");
            }
            if (!library) {
                missing.add("no libcuda.so.1");
            }
            return new CudaDriver(List.of(), "no NVIDIA driver: " + String.join(", ", missing));
        }
        List<String> gpus = models(root.resolve("proc/driver/nvidia/gpus"));
        String found = gpus.isEmpty() ? "an NVIDIA driver is here" : "an NVIDIA driver is here, for " + gpus.size() + " GPU"
                + (gpus.size() == 1 ? "" : "s") + " (" + gpus.get(0) + ")";
        return new CudaDriver(gpus, found + ", but this version of lockstep has no CUDA backend");
    }

    private static List<String> models(Path folder) {
        List<String> models = new ArrayList<>();
        try (DirectoryStream<Path> gpus = Files.newDirectoryStream(folder)) {
            for (Path gpu : gpus) {
                for (String line : Files.readAllLines(gpu.resolve("information"))) {
                    if (line.startsWith("Model:")) {
                        models.add(line.substring("Model:".length()).strip());
                    }
                }
            }
        } catch (IOException e) {
            return List.of();
        }
        return models;
    }
}

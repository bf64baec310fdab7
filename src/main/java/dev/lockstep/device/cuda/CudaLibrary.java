package dev.lockstep.device.cuda;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One of the libraries that CUDA consists of.
 *
 * @param soname  {@code "libcudart.so.13"}
 * @param path    where it was found
 * @param version as it tells itself, {@code "13.0"}; empty unless it was loaded
 * @param remedy  empty if it was found; else one line: what is missing, and how to get it
 */
public record CudaLibrary(String soname, Optional<Path> path, String version, String remedy) {
    CudaLibrary withVersion(String loaded) {
        return new CudaLibrary(soname, path, loaded, remedy);
    }
}

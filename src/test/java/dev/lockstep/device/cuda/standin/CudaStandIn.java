package dev.lockstep.device.cuda.standin;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Sets up the stand-in for the CUDA libraries (src/test/native/cuda/README.md) from tests in the same JVM. All methods
 * but {@link #isChosen} and {@link #load} need its libcuda.so.1 to be loaded.
 */
public final class CudaStandIn {
    /** Where the build puts it; CUDA_HOME in the environment of tests that use it. */
    public static final Path HOME = Path.of("target/cuda-stand-in").toAbsolutePath();

    private static final List<String> LIBRARIES = List.of("libcuda.so.1", "libcudart.so.13", "libcublasLt.so.13",
            "libcublas.so.13", "libnvrtc.so.13");

    private CudaStandIn() {
    }

    /** Whether this JVM was started to use the stand-in, and no real GPU. */
    public static boolean isChosen() {
        String home = System.getenv("CUDA_HOME");
        return home != null && Files.isDirectory(HOME) && Path.of(home).toAbsolutePath().equals(HOME);
    }

    /** Loads its libraries as the program would find them through CUDA_HOME; JavaCPP's then find them loaded. */
    public static void load() {
        LIBRARIES.forEach(library -> System.load(HOME.resolve("lib64").resolve(library).toString()));
    }

    /** Gives a setting a value until {@link #reset}; {@code "MODE"} is CUDA_STAND_IN_MODE in the environment. */
    public static native void set(String setting, String value);

    /** Back to the environment's settings; forgets counted calls, launches and a sticky error. Frees no memory. */
    public static native void reset();

    /** How often a function of the CUDA libraries was called since the last {@link #reset}. */
    public static native long calls(String function);

    /** Bytes of device memory that are allocated now. */
    public static native long usedBytes(int device);
}

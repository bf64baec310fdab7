package dev.lockstep.device.cuda;

/**
 * Versions as the libraries tell them.
 *
 * @param driver   the newest CUDA that the driver runs, {@code "13.0"}
 * @param runtime  of libcudart, {@code "13.0"}
 * @param cublasLt {@code "13.1.0"}
 * @param nvrtc    {@code "13.0"}
 */
public record CudaVersions(String driver, String runtime, String cublasLt, String nvrtc) {
    /** Of the library of that name. */
    String of(String soname) {
        return soname.startsWith("libcuda.") ? driver
                : soname.startsWith("libcudart.") ? runtime
                : soname.startsWith("libnvrtc.") ? nvrtc : cublasLt;
    }

    /** @param version as cudart counts: 13010 for 13.1 */
    static String ofCuda(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }

    /** @param version as cuBLAS counts: 130201 for 13.2.1 */
    static String ofCublas(long version) {
        return version / 10000 + "." + version / 100 % 100 + "." + version % 100;
    }
}

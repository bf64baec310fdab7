package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cublas.cublasLtGetVersion;
import static org.bytedeco.cuda.global.cudart.cuDeviceGet;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetName;
import static org.bytedeco.cuda.global.cudart.cuDeviceGetUuid;
import static org.bytedeco.cuda.global.cudart.cuInit;
import static org.bytedeco.cuda.global.cudart.cudaDevAttrComputeCapabilityMajor;
import static org.bytedeco.cuda.global.cudart.cudaDevAttrComputeCapabilityMinor;
import static org.bytedeco.cuda.global.cudart.cudaDevAttrMultiProcessorCount;
import static org.bytedeco.cuda.global.cudart.cudaDeviceGetAttribute;
import static org.bytedeco.cuda.global.cudart.cudaDeviceGetPCIBusId;
import static org.bytedeco.cuda.global.cudart.cudaDriverGetVersion;
import static org.bytedeco.cuda.global.cudart.cudaGetDeviceCount;
import static org.bytedeco.cuda.global.cudart.cudaRuntimeGetVersion;
import static org.bytedeco.cuda.global.nvrtc.nvrtcVersion;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.bytedeco.cuda.cudart.CUuuid;
import org.bytedeco.cuda.global.cudart;

/** The GPUs of this machine. The one way into this package: on a machine without CUDA it says what is missing. */
public final class CudaDevices {
    /**
     * What was found.
     *
     * @param libraries all that are needed, found or not
     * @param versions  of the libraries; empty unless all were found and loaded
     * @param devices   the GPUs that this process may use, by ordinal
     * @param problem   why none can be used, one line with what to do about it; empty if all is well
     */
    public record Probe(List<CudaLibrary> libraries, Optional<CudaVersions> versions, List<CudaDeviceInfo> devices,
            Optional<String> problem) {
    }

    /** Older ones are not supported by CUDA 13. */
    private static final int OLDEST_COMPUTE_CAPABILITY = 75;
    /** The first whose tensor cores take TF32 and BF16. */
    private static final int TENSOR_CORE_COMPUTE_CAPABILITY = 80;

    private static Probe probe;

    private CudaDevices() {
    }

    /**
     * Looks for CUDA and its GPUs, once in a process; takes no memory of a GPU. Never throws.
     */
    public static synchronized Probe probe() {
        if (probe == null) {
            List<CudaLibrary> libraries = CudaLibraries.find(System.getenv(), Path.of("/"));
            Optional<String> missing = libraries.stream().map(CudaLibrary::remedy)
                    .filter(remedy -> !remedy.isEmpty()).findFirst();
            probe = missing.isPresent() ? new Probe(libraries, Optional.empty(), List.of(), missing) : load(libraries);
        }
        return probe;
    }

    private static Probe load(List<CudaLibrary> libraries) {
        try {
            CudaLibraries.load(libraries);
            return ask(libraries);
        } catch (LinkageError e) {
            return new Probe(libraries, Optional.empty(), List.of(),
                    Optional.of("CUDA's libraries cannot be loaded: " + oneLine(e)));
        } catch (CudaException e) {
            return new Probe(libraries, Optional.empty(), List.of(),
                    Optional.of("the GPUs cannot be asked: " + e.reason() + "; see nvidia-smi"));
        }
    }

    private static String oneLine(Throwable e) {
        return String.valueOf(e.getMessage()).lines().map(String::strip).filter(line -> !line.isEmpty())
                .findFirst().orElse(e.getClass().getSimpleName());
    }

    private static Probe ask(List<CudaLibrary> libraries) {
        int[] driver = new int[1];
        int[] runtime = new int[1];
        Cuda.check(cudaDriverGetVersion(driver), "cudaDriverGetVersion");
        Cuda.check(cudaRuntimeGetVersion(runtime), "cudaRuntimeGetVersion");
        int[] nvrtcMajor = new int[1];
        int[] nvrtcMinor = new int[1];
        nvrtcVersion(nvrtcMajor, nvrtcMinor);
        CudaVersions versions = new CudaVersions(CudaVersions.ofCuda(driver[0]), CudaVersions.ofCuda(runtime[0]),
                CudaVersions.ofCublas(cublasLtGetVersion()), nvrtcMajor[0] + "." + nvrtcMinor[0]);
        List<CudaLibrary> loaded = libraries.stream()
                .map(library -> library.withVersion(versions.of(library.soname()))).toList();
        int[] count = new int[1];
        int status = cudaGetDeviceCount(count);
        Optional<String> problem = problem(driver[0], runtime[0], status, count[0]);
        if (problem.isPresent()) {
            return new Probe(loaded, Optional.of(versions), List.of(), problem);
        }
        Cuda.check(cuInit(0), "cuInit");
        List<CudaDeviceInfo> devices = new ArrayList<>();
        for (int ordinal = 0; ordinal < count[0]; ordinal++) {
            devices.add(info(ordinal));
        }
        return new Probe(loaded, Optional.of(versions), List.copyOf(devices),
                devices.stream().allMatch(CudaDevices::isTooOld) ? Optional.of(tooOld(devices.get(0))) : Optional.empty());
    }

    private static boolean isTooOld(CudaDeviceInfo device) {
        return device.computeCapability() < OLDEST_COMPUTE_CAPABILITY;
    }

    private static String tooOld(CudaDeviceInfo device) {
        return capability(device) + ", and 7.5 is the lowest that is supported";
    }

    private static String capability(CudaDeviceInfo device) {
        return device.label() + " has compute capability " + device.computeCapability() / 10 + "."
                + device.computeCapability() % 10;
    }

    /**
     * Why no GPU can be used.
     *
     * @param driver  the newest CUDA that the driver runs; 13000 for 13.0, 0 without a driver
     * @param runtime the toolkit's version, as {@code driver}
     * @param status  of counting the GPUs
     */
    static Optional<String> problem(int driver, int runtime, int status, int count) {
        // Within a major version an older driver runs what a newer toolkit has compiled.
        if (driver / 1000 < runtime / 1000) {
            return Optional.of("the NVIDIA driver " + (driver == 0 ? "is not running (see nvidia-smi)"
                    : "runs CUDA up to " + CudaVersions.ofCuda(driver) + ", too old for the CUDA "
                            + CudaVersions.ofCuda(runtime) + " libraries")
                    + "; install a driver for CUDA " + runtime / 1000);
        }
        return switch (status) {
            case cudart.cudaSuccess -> count > 0 ? Optional.empty() : noGpu();
            case cudart.cudaErrorNoDevice -> noGpu();
            case cudart.cudaErrorStubLibrary -> Optional.of("libcuda.so.1 is the toolkit's stub, which cannot run;"
                    + " take the stubs folder out of LD_LIBRARY_PATH");
            case cudart.cudaErrorSystemDriverMismatch -> Optional.of("libcuda.so.1 and the running NVIDIA driver are of"
                    + " different versions; restart the machine, or take the older one out of the library folders");
            case cudart.cudaErrorSystemNotReady -> Optional.of("the GPUs are not ready; on a machine with NVSwitch"
                    + " nvidia-fabricmanager must run");
            default -> Optional.of("the GPUs cannot be counted: " + Cuda.describe(status) + "; see nvidia-smi");
        };
    }

    private static Optional<String> noGpu() {
        String visible = System.getenv("CUDA_VISIBLE_DEVICES");
        return Optional.of("there is no GPU that this process may use"
                + (visible == null ? "; see nvidia-smi" : "; CUDA_VISIBLE_DEVICES is '" + visible + "'"));
    }

    private static CudaDeviceInfo info(int ordinal) {
        int[] handle = new int[1];
        Cuda.check(cuDeviceGet(handle, ordinal), "cuDeviceGet");
        byte[] name = new byte[256];
        Cuda.check(cuDeviceGetName(name, name.length, handle[0]), "cuDeviceGetName");
        byte[] pciBusId = new byte[32];
        Cuda.check(cudaDeviceGetPCIBusId(pciBusId, pciBusId.length, ordinal), "cudaDeviceGetPCIBusId");
        String pci = text(pciBusId).toLowerCase(Locale.ROOT);
        return new CudaDeviceInfo(ordinal, text(name), uuid(handle[0]), pci, numaNode(Path.of("/"), pci),
                10 * attribute(cudaDevAttrComputeCapabilityMajor, ordinal)
                        + attribute(cudaDevAttrComputeCapabilityMinor, ordinal),
                attribute(cudaDevAttrMultiProcessorCount, ordinal));
    }

    private static String uuid(int handle) {
        try (CUuuid uuid = new CUuuid()) {
            Cuda.check(cuDeviceGetUuid(uuid, handle), "cuDeviceGetUuid");
            byte[] bytes = new byte[16];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = uuid.bytes(i);
            }
            return formatUuid(bytes);
        }
    }

    /** As nvidia-smi writes it. */
    static String formatUuid(byte[] bytes) {
        StringBuilder text = new StringBuilder("GPU-");
        for (int i = 0; i < bytes.length; i++) {
            text.append(i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "").append(String.format("%02x", bytes[i]));
        }
        return text.toString();
    }

    /** −1 where the kernel does not say. */
    static int numaNode(Path root, String pciBusId) {
        try {
            return Integer.parseInt(Files.readString(
                    root.resolve("sys/bus/pci/devices").resolve(pciBusId).resolve("numa_node")).strip());
        } catch (IOException | NumberFormatException e) {
            return -1;
        }
    }

    private static int attribute(int attribute, int ordinal) {
        int[] value = new int[1];
        Cuda.check(cudaDeviceGetAttribute(value, attribute, ordinal), "cudaDeviceGetAttribute");
        return value[0];
    }

    private static String text(byte[] zeroTerminated) {
        int length = 0;
        while (length < zeroTerminated.length && zeroTerminated[length] != 0) {
            length++;
        }
        return new String(zeroTerminated, 0, length, StandardCharsets.UTF_8).strip();
    }

    /**
     * Why the CUDA that was loaded cannot compute on a GPU, or not in that precision.
     *
     * @param compilable the compute capabilities that NVRTC compiles for
     */
    static Optional<String> unsupported(CudaDeviceInfo device, MatmulPrecision precision, int[] compilable) {
        int capability = device.computeCapability();
        String has = capability(device);
        if (isTooOld(device)) {
            return Optional.of(tooOld(device) + "; set device to cpu");
        }
        if (precision != MatmulPrecision.FP32 && capability < TENSOR_CORE_COMPUTE_CAPABILITY) {
            return Optional.of(has + ", and precision " + precision.name().toLowerCase(Locale.ROOT)
                    + " needs 8.0; set precision to fp32");
        }
        return Arrays.stream(compilable).anyMatch(known -> known == capability) ? Optional.empty()
                : Optional.of(has + ", which this CUDA toolkit cannot compile for; install a newer CUDA "
                        + CudaLibraries.MAJOR + " toolkit, or set device to cpu");
    }

    /**
     * Opens a GPU.
     *
     * @throws InvalidInputException if there is no such GPU, or it cannot be used; the message says why
     */
    public static CudaDevice open(int ordinal, MatmulPrecision precision) {
        Probe found = probe();
        found.problem().ifPresent(problem -> {
            throw new InvalidInputException(problem);
        });
        if (ordinal >= found.devices().size()) {
            throw new InvalidInputException("there is no GPU " + ordinal + ": this process may use "
                    + found.devices().size());
        }
        CudaDeviceInfo info = found.devices().get(ordinal);
        unsupported(info, precision, KernelCompiler.supportedArchitectures()).ifPresent(problem -> {
            throw new InvalidInputException(problem);
        });
        return new CudaDevice(info, found.versions().orElseThrow(), precision);
    }

    /**
     * A GPU's memory. From then on this process has a context there, which takes some of it.
     *
     * @throws InvalidInputException if it cannot be had, say because another process has the GPU for itself
     */
    public static CudaMemory memory(int ordinal) {
        String label = probe().devices().get(ordinal).label();
        try {
            Cuda.makeCurrent(ordinal, label);
            return CudaDevice.measureMemory();
        } catch (CudaException e) {
            throw new InvalidInputException(label + " cannot be used: " + e.reason() + "; see nvidia-smi", e);
        }
    }
}

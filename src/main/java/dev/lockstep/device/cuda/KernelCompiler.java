package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.nvrtc.NVRTC_SUCCESS;
import static org.bytedeco.cuda.global.nvrtc.nvrtcCompileProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcCreateProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcDestroyProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetCUBIN;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetCUBINSize;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetErrorString;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetNumSupportedArchs;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetProgramLog;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetProgramLogSize;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetSupportedArchs;
import static org.bytedeco.cuda.global.nvrtc.nvrtcVersion;

import dev.lockstep.InvalidInputException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/** NVRTC, compiling for one kind of GPU: the machine code of exactly that, which no driver need translate again. */
final class KernelCompiler {
    private static final String PROGRAM_NAME = "lockstep.cu";

    private final String architecture;
    private final String version;

    /** @param computeCapability ten times major plus minor; of {@link #supportedArchitectures} */
    KernelCompiler(int computeCapability) {
        int[] major = new int[1];
        int[] minor = new int[1];
        check(nvrtcVersion(major, minor), "nvrtcVersion");
        version = major[0] + "." + minor[0];
        architecture = "sm_" + computeCapability;
    }

    /** The compute capabilities that this NVRTC compiles for, ten times major plus minor. */
    static int[] supportedArchitectures() {
        int[] count = new int[1];
        check(nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs");
        int[] supported = new int[count[0]];
        check(nvrtcGetSupportedArchs(supported), "nvrtcGetSupportedArchs");
        return supported;
    }

    /** A name for what {@link #compile} makes of {@code source}; another wherever that could be another. */
    String key(KernelSource source) {
        MessageDigest digest = sha256();
        for (List<String> part : List.of(List.of(version), options(), List.of(source.program()), source.headerNames(),
                source.headers())) {
            for (String text : part) {
                digest.update(text.getBytes(StandardCharsets.UTF_8));
                digest.update((byte) 0);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    /**
     * @param cubin machine code
     * @param log   what the compiler has said; empty where all is well
     */
    record Compilation(byte[] cubin, String log) {
    }

    /**
     * @throws InvalidInputException if the source does not compile; the compiler's log is then on standard error
     */
    Compilation compile(KernelSource source) {
        _nvrtcProgram program = new _nvrtcProgram();
        try (BytePointer text = utf8(source.program());
                BytePointer name = utf8(PROGRAM_NAME);
                PointerPointer<BytePointer> headers = pointers(source.headers());
                PointerPointer<BytePointer> headerNames = pointers(source.headerNames());
                PointerPointer<BytePointer> options = pointers(options())) {
            check(nvrtcCreateProgram(program, text, name, source.headers().size(), headers, headerNames),
                    "nvrtcCreateProgram");
            int status = nvrtcCompileProgram(program, options().size(), options);
            if (status != NVRTC_SUCCESS) {
                throw failure(status, log(program));
            }
            return new Compilation(cubin(program), log(program));
        } finally {
            nvrtcDestroyProgram(program);
        }
    }

    private InvalidInputException failure(int status, String log) {
        System.err.println(log.strip());
        String first = log.lines().filter(line -> line.contains("error")).findFirst().orElse("without a log").strip();
        return new InvalidInputException("the GPU kernels do not compile for " + architecture + " with NVRTC " + version
                + " (" + nvrtcGetErrorString(status).getString() + "): " + first
                + "; the compiler's whole log is above; is the CUDA toolkit whole, and of a version that the README"
                + " names?");
    }

    private static String log(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check(nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize");
            byte[] log = new byte[Math.toIntExact(size.get())];
            check(nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
            // It ends in a zero.
            return new String(log, 0, Math.max(0, log.length - 1), StandardCharsets.UTF_8);
        }
    }

    private static byte[] cubin(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check(nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
            byte[] cubin = new byte[Math.toIntExact(size.get())];
            check(nvrtcGetCUBIN(program, cubin), "nvrtcGetCUBIN");
            return cubin;
        }
    }

    private List<String> options() {
        return List.of("--gpu-architecture=" + architecture);
    }

    private static BytePointer utf8(String text) {
        return new BytePointer(text, StandardCharsets.UTF_8);
    }

    private static PointerPointer<BytePointer> pointers(List<String> texts) {
        return new PointerPointer<>(texts.stream().map(KernelCompiler::utf8).toArray(BytePointer[]::new));
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }

    private static void check(int status, String call) {
        if (status != NVRTC_SUCCESS) {
            throw Cuda.failure(call + " failed with " + nvrtcGetErrorString(status).getString());
        }
    }
}

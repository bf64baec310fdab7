package dev.lockstep.device.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.net.MalformedURLException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Loader;

/** Where CUDA's own libraries lie, which are found when the program runs: in the driver and in the CUDA toolkit. */
final class CudaLibraries {
    /** Of the toolkit that JavaCPP's classes were built for. */
    static final int MAJOR = cudart.CUDA_VERSION / 1000;

    private static final String DRIVER = "libcuda.so.1";
    private static final String BUILTINS = "libnvrtc-builtins.so." + MAJOR;
    private static final int ELF_HEADER_BYTES = 64;
    /** 0x7f, "ELF". */
    private static final int ELF_MAGIC = 0x464c457f;
    private static final List<String> TOOLKIT_FOLDERS = List.of("lib64", "lib", "targets/x86_64-linux/lib");
    /** Those that no configuration of the linker need name, and those that containers mount the driver to. */
    private static final List<String> SYSTEM_FOLDERS = List.of("lib64", "usr/lib64", "lib", "usr/lib",
            "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/local/nvidia/lib64", "usr/lib/wsl/lib",
            "run/opengl-driver/lib");

    private CudaLibraries() {
    }

    /**
     * Looks for each library in CUDA_HOME, in LD_LIBRARY_PATH, where the linker looks, and in /usr/local/cuda*. Nothing
     * is loaded.
     *
     * @param root of the file system
     */
    static List<CudaLibrary> find(Map<String, String> environment, Path root) {
        Set<Path> folders = folders(environment, root);
        List<CudaLibrary> libraries = new ArrayList<>();
        libraries.add(find(DRIVER, folders, "install an NVIDIA driver for CUDA " + MAJOR));
        String remedy = "install the CUDA " + MAJOR + " toolkit's libraries"
                + Optional.ofNullable(environment.get("CUDA_HOME")).filter(home -> !home.isBlank())
                        .map(home -> ", or set CUDA_HOME, now " + home + ", to where they are")
                        .orElse(", or set CUDA_HOME to where they are");
        for (String name : List.of("cudart", "cublasLt", "cublas", "nvrtc")) {
            libraries.add(find("lib" + name + ".so." + MAJOR, folders, remedy));
        }
        return libraries;
    }

    private static CudaLibrary find(String soname, Set<Path> folders, String remedy) {
        Optional<Path> path = folders.stream().map(folder -> folder.resolve(soname))
                .filter(CudaLibraries::isWholeX8664Library).findFirst();
        if (path.isPresent()) {
            return new CudaLibrary(soname, path, "", "");
        }
        String instead = folders.stream().map(folder -> folder.resolve(soname)).filter(Files::exists).findFirst()
                .map(file -> ", only " + file + ", which is not a whole library for x86-64")
                .or(() -> otherMajorVersion(soname, folders)).orElse("");
        return new CudaLibrary(soname, Optional.empty(), "", "no " + soname + instead + "; " + remedy);
    }

    /** The driver has none: what is there beside libcuda.so.1 is that same driver under its full version. */
    private static Optional<String> otherMajorVersion(String soname, Set<Path> folders) {
        String pattern = soname.substring(0, soname.lastIndexOf('.') + 1) + "[0-9]*";
        return soname.equals(DRIVER) ? Optional.empty()
                : folders.stream().flatMap(folder -> files(folder, pattern).stream())
                        .filter(CudaLibraries::isWholeX8664Library).findFirst()
                        .map(other -> ", only " + other + " of another major version");
    }

    /** In the order in which they are looked through. */
    private static Set<Path> folders(Map<String, String> environment, Path root) {
        Set<Path> folders = new LinkedHashSet<>();
        String home = environment.getOrDefault("CUDA_HOME", "");
        if (!home.isBlank()) {
            TOOLKIT_FOLDERS.forEach(folder -> folders.add(Path.of(home).toAbsolutePath().resolve(folder)));
        }
        Stream.of(environment.getOrDefault("LD_LIBRARY_PATH", "").split(":")).filter(folder -> !folder.isBlank())
                .forEach(folder -> folders.add(Path.of(folder).toAbsolutePath()));
        configured(root.resolve("etc/ld.so.conf"), root, folders, new LinkedHashSet<>());
        SYSTEM_FOLDERS.forEach(folder -> folders.add(root.resolve(folder)));
        // /usr/local/cuda first, as it is the one that the machine's owner chose, then the newest.
        Stream.concat(Stream.of(root.resolve("usr/local/cuda")), files(root.resolve("usr/local"), "cuda-*").stream()
                .sorted(Comparator.reverseOrder()))
                .forEach(toolkit -> TOOLKIT_FOLDERS.forEach(folder -> folders.add(toolkit.resolve(folder))));
        return folders;
    }

    /** The folders that a configuration of the linker names: one a line, or {@code include} and a pattern of more files. */
    private static void configured(Path file, Path root, Set<Path> folders, Set<Path> filesRead) {
        if (!filesRead.add(file)) {
            return;
        }
        for (String line : lines(file)) {
            String text = line.split("#", 2)[0].strip();
            if (text.startsWith("include ")) {
                Path pattern = inRoot(root, file, text.substring("include ".length()).strip());
                files(pattern.getParent(), pattern.getFileName().toString())
                        .forEach(included -> configured(included, root, folders, filesRead));
            } else if (!text.isEmpty()) {
                folders.add(inRoot(root, file, text));
            }
        }
    }

    private static Path inRoot(Path root, Path file, String path) {
        return path.startsWith("/") ? root.resolve(path.substring(1)) : file.resolveSibling(path);
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            return List.of();
        }
    }

    /** By name; none where the folder cannot be read. */
    private static List<Path> files(Path folder, String pattern) {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, pattern)) {
            stream.forEach(files::add);
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
        files.sort(Comparator.naturalOrder());
        return files;
    }

    /**
     * The linker's folders hold other architectures' libraries, too. And to load one whose end is missing, as an
     * installation on a full disk leaves it, would end this process by a signal: what comes last is the table of its
     * sections.
     */
    private static boolean isWholeX8664Library(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            ByteBuffer header = ByteBuffer.wrap(in.readNBytes(ELF_HEADER_BYTES)).order(ByteOrder.LITTLE_ENDIAN);
            if (header.limit() < ELF_HEADER_BYTES || header.getInt(0) != ELF_MAGIC || header.get(4) != 2
                    || header.getShort(18) != 62) {
                return false;
            }
            long end = header.getLong(40) + (long) header.getShort(58) * header.getShort(60);
            return end <= Files.size(file);
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Loads what was found, in the order of dependence, then JavaCPP's classes, whose own libraries then find what they
     * need by name among what is loaded.
     *
     * @throws LinkageError if that fails
     */
    static void load(List<CudaLibrary> libraries) {
        for (CudaLibrary library : libraries) {
            Path path = library.path().orElseThrow();
            if (library.soname().equals(DRIVER)) {
                System.load(path.toAbsolutePath().toString());
            } else {
                // NVRTC asks for its second half by name alone.
                if (library.soname().startsWith("libnvrtc")) {
                    files(path.toAbsolutePath().getParent(), BUILTINS + "*").stream()
                            .filter(CudaLibraries::isWholeX8664Library).findFirst()
                            .ifPresent(builtins -> System.load(builtins.toString()));
                }
                // JavaCPP would look for them itself, in places of its own, did it not know them by its names.
                String name = library.soname().substring("lib".length(), library.soname().indexOf(".so"));
                Loader.loadLibrary(cudart.class, urls(path), name + "@." + MAJOR);
            }
        }
        Loader.load(cudart.class);
        Loader.load(org.bytedeco.cuda.global.cublas.class);
        Loader.load(org.bytedeco.cuda.global.nvrtc.class);
    }

    private static URL[] urls(Path path) {
        try {
            return new URL[] {path.toUri().toURL()};
        } catch (MalformedURLException e) {
            throw new IllegalStateException(path + " has no URL", e);
        }
    }
}

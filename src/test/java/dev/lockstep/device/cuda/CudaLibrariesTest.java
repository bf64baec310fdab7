package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaLibrariesTest {
    private static final int MAJOR = CudaLibraries.MAJOR;
    private static final String RUNTIME = "libcudart.so." + MAJOR;
    private static final List<String> SONAMES = List.of("libcuda.so.1", RUNTIME, "libcublasLt.so." + MAJOR,
            "libcublas.so." + MAJOR, "libnvrtc.so." + MAJOR);
    private static final byte X86_64 = 62;
    private static final byte AARCH64 = (byte) 183;
    private static final byte BITS_64 = 2;
    private static final byte BITS_32 = 1;

    @TempDir
    private Path root;

    @Test
    void shouldSayOfEachLibraryHowToGetItWhereThereIsNone() {
        List<CudaLibrary> libraries = CudaLibraries.find(Map.of(), root);

        assertEquals(SONAMES, libraries.stream().map(CudaLibrary::soname).toList());
        for (CudaLibrary library : libraries) {
            assertEquals(Optional.empty(), library.path());
            assertTrue(library.remedy().startsWith("no " + library.soname() + "; install "), library.remedy());
            assertEquals(1, library.remedy().lines().count());
        }
        assertEquals("no libcuda.so.1; install an NVIDIA driver for CUDA " + MAJOR, libraries.get(0).remedy());
        assertEquals("no " + RUNTIME + "; install the CUDA " + MAJOR
                + " toolkit's libraries, or set CUDA_HOME to where they are", libraries.get(1).remedy());
    }

    @Test
    void shouldFindAllInCudaHome() throws IOException {
        for (String folder : List.of("lib64", "lib", "targets/x86_64-linux/lib")) {
            Path home = root.resolve("opt").resolve(folder.replace('/', '-'));
            for (String soname : SONAMES) {
                library(home.resolve(folder).resolve(soname));
            }
            for (CudaLibrary library : CudaLibraries.find(Map.of("CUDA_HOME", home.toString()), root)) {
                assertEquals(Optional.of(home.resolve(folder).resolve(library.soname())), library.path());
                assertEquals("", library.remedy());
            }
        }
    }

    @Test
    void shouldTakeTheFirstOfTheKnownPlaces() throws IOException {
        Map<String, String> environment = Map.of("CUDA_HOME", root.resolve("home").toString(), "LD_LIBRARY_PATH",
                ":" + root.resolve("none") + ":" + root.resolve("path"));
        write("etc/ld.so.conf", "# all\n\ninclude /etc/ld.so.conf.d/*.conf\n/opt/last # of all\n");
        write("etc/ld.so.conf.d/b.conf", "/opt/b\ninclude ../ld.so.conf\n");
        write("etc/ld.so.conf.d/a.conf", "/opt/a\n");
        write("etc/ld.so.conf.d/c.txt", "/opt/c\n");
        library(root.resolve("opt/c").resolve(RUNTIME));
        // From the last place that counts to the first.
        for (String folder : List.of("usr/local/cuda-" + MAJOR + ".0/lib64",
                "usr/local/cuda-" + MAJOR + ".1/targets/x86_64-linux/lib", "usr/local/cuda/lib64", "usr/lib/wsl/lib",
                "usr/lib64", "opt/last", "opt/b", "opt/a", "path", "home/targets/x86_64-linux/lib", "home/lib64")) {
            Path path = root.resolve(folder).resolve(RUNTIME);
            library(path);
            assertEquals(Optional.of(path), runtime(environment).path());
        }
    }

    @Test
    void shouldNameWhatIsThereOfAnotherMajorVersion() throws IOException {
        Path other = root.resolve("usr/lib64/libcudart.so." + (MAJOR - 1));
        library(other);
        library(root.resolve("usr/lib64/libcudart.so"));

        CudaLibrary runtime = runtime(Map.of("CUDA_HOME", "/opt/old"));

        assertEquals(Optional.empty(), runtime.path());
        assertEquals("no " + RUNTIME + ", only " + other + " of another major version; install the CUDA " + MAJOR
                + " toolkit's libraries, or set CUDA_HOME, now /opt/old, to where they are", runtime.remedy());
    }

    @Test
    void shouldPassOverWhatCannotBeLoaded() throws IOException {
        file(root.resolve("a").resolve(RUNTIME), BITS_32, X86_64);
        file(root.resolve("b").resolve(RUNTIME), BITS_64, AARCH64);
        write("c/" + RUNTIME, "INPUT(libcudart.so.0)");
        write("d/" + RUNTIME, "");
        Files.createDirectories(root.resolve("e").resolve(RUNTIME));
        library(root.resolve("f/real"));
        Files.createSymbolicLink(root.resolve("f").resolve(RUNTIME), Path.of("real"));
        String path = String.join(":", List.of("a", "b", "c", "d", "e").stream()
                .map(folder -> root.resolve(folder).toString()).toList());

        CudaLibrary without = runtime(Map.of("LD_LIBRARY_PATH", path));
        assertFalse(without.path().isPresent());
        assertTrue(without.remedy().startsWith("no " + RUNTIME + ", only " + root.resolve("a").resolve(RUNTIME)
                + ", which is not a whole library for x86-64; "), without.remedy());
        assertEquals(Optional.of(root.resolve("f").resolve(RUNTIME)),
                runtime(Map.of("LD_LIBRARY_PATH", path + ":" + root.resolve("f"))).path());
    }

    /** The linker would read beyond the file's end, which ends the process by a signal. */
    @Test
    void shouldPassOverWhatIsCutOff() throws IOException {
        Path library = root.resolve("usr/lib64").resolve(RUNTIME);
        Files.createDirectories(library.getParent());
        byte[] whole = Files.readAllBytes(Path.of("/proc/self/exe"));
        Files.write(library, whole);
        assertEquals(Optional.of(library), runtime(Map.of()).path());
        Files.write(library, Arrays.copyOf(whole, whole.length - 1));
        assertEquals(Optional.empty(), runtime(Map.of()).path());
    }

    @Test
    void shouldNotTakeADriverWithoutItsLinkForAnOlderOne() throws IOException {
        library(root.resolve("usr/lib64/libcuda.so.580.95.05"));
        assertEquals("no libcuda.so.1; install an NVIDIA driver for CUDA " + MAJOR,
                CudaLibraries.find(Map.of(), root).get(0).remedy());
    }

    private CudaLibrary runtime(Map<String, String> environment) {
        return CudaLibraries.find(environment, root).get(1);
    }

    private static void library(Path path) throws IOException {
        file(path, BITS_64, X86_64);
    }

    private static void file(Path path, byte bits, byte machine) throws IOException {
        byte[] header = new byte[64];
        header[0] = 0x7f;
        header[1] = 'E';
        header[2] = 'L';
        header[3] = 'F';
        header[4] = bits;
        header[18] = machine;
        Files.createDirectories(path.getParent());
        Files.write(path, header);
    }

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }
}

package dev.lockstep.device.cuda;

import dev.lockstep.PrivateFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Compiled kernels on disk, for the next run. Any number of processes may use a folder at once: an entry is written
 * under a name of its own and then renamed. Each holds a checksum, so that a damaged one counts as missing. What cannot
 * be stored is compiled again next time. What others could have put there is neither read nor written: a kernel is a program.
 */
final class KernelCache {
    private final List<Path> folders;

    /** @param folders of the user, in which to look and store; each where those before it cannot be written */
    KernelCache(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /** In the user's cache folder, or where that cannot be written, in the machine's folder for temporary files. */
    static KernelCache ofUser(Map<String, String> environment) {
        String home = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The standard that defines it has relative ones ignored.
        Path cache = home.startsWith("/") ? Path.of(home) : Path.of(System.getProperty("user.home"), ".cache");
        // Java calls the home "?" of a user whom the system does not know, as a container's may be.
        return new KernelCache(
                Stream.of(cache.resolve("lockstep"), PrivateFolder.temporary()).filter(Path::isAbsolute).toList());
    }

    /** What was stored under {@code key}, whole. */
    Optional<byte[]> find(String key) {
        return folders.stream().filter(folder -> PrivateFolder.isPrivate(folder) && PrivateFolder.isPrivate(kernels(folder)))
                .map(folder -> read(kernels(folder).resolve(fileName(key)))).flatMap(Optional::stream).findFirst();
    }

    private static Path kernels(Path folder) {
        return folder.resolve("kernels");
    }

    private static Optional<byte[]> read(Path file) {
        try {
            byte[] entry = Files.readAllBytes(file);
            int checksumBytes = KernelCompiler.sha256().getDigestLength();
            if (entry.length < checksumBytes) {
                return Optional.empty();
            }
            byte[] content = Arrays.copyOfRange(entry, checksumBytes, entry.length);
            boolean whole = MessageDigest.isEqual(Arrays.copyOf(entry, checksumBytes), checksum(content));
            return whole ? Optional.of(content) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    void store(String key, byte[] content) {
        for (Path folder : folders) {
            if (write(folder, key, content)) {
                return;
            }
        }
    }

    private static boolean write(Path folder, String key, byte[] content) {
        Path temporary = null;
        try {
            PrivateFolder.create(folder);
            PrivateFolder.create(kernels(folder));
            temporary = Files.createTempFile(kernels(folder), key, ".new");
            try (var stream = Files.newOutputStream(temporary)) {
                stream.write(checksum(content));
                stream.write(content);
            }
            Files.move(temporary, kernels(folder).resolve(fileName(key)), StandardCopyOption.ATOMIC_MOVE);
            return true;
        } catch (IOException e) {
            discard(temporary);
            return false;
        }
    }

    private static void discard(Path temporary) {
        try {
            if (temporary != null) {
                Files.delete(temporary);
            }
        } catch (NoSuchFileException e) {
            // Gone already.
        } catch (IOException e) {
            System.err.println("lockstep: " + temporary + " cannot be deleted (" + e.getMessage() + "); delete it");
        }
    }

    private static byte[] checksum(byte[] content) {
        return KernelCompiler.sha256().digest(content);
    }

    private static String fileName(String key) {
        return key + ".cubin";
    }
}

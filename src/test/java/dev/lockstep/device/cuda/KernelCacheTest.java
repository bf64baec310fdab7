package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class KernelCacheTest {
    private static final byte[] CONTENT = {1, 2, 3, 4, 5};

    @TempDir
    private Path folder;

    @Test
    void shouldFindWhatWasStored() {
        KernelCache cache = new KernelCache(List.of(folder.resolve("new").resolve("folders")));
        assertTrue(cache.find("key").isEmpty());
        cache.store("key", CONTENT);
        assertArrayEquals(CONTENT, cache.find("key").orElseThrow());
        assertTrue(cache.find("other").isEmpty());
    }

    @Test
    void shouldNotFindADamagedEntry() throws IOException {
        KernelCache cache = new KernelCache(List.of(folder));
        cache.store("key", CONTENT);
        Path file = folder.resolve("kernels/key.cubin");
        byte[] whole = Files.readAllBytes(file);
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertTrue(cache.find("key").isEmpty(), length + " bytes of " + whole.length);
        }
        byte[] changed = whole.clone();
        changed[changed.length - 1]++;
        Files.write(file, changed);
        assertTrue(cache.find("key").isEmpty());
    }

    /** A file where a folder should be stops the administrator, too, whom permissions do not. */
    @Test
    void shouldStoreInTheNextFolderWhereOneCannotBeWritten() throws IOException {
        Path blocked = Files.createFile(folder.resolve("file")).resolve("folder");
        Path next = folder.resolve("next");
        KernelCache cache = new KernelCache(List.of(blocked, next));
        cache.store("key", CONTENT);
        assertTrue(Files.exists(next.resolve("kernels/key.cubin")));
        assertArrayEquals(CONTENT, cache.find("key").orElseThrow());
        new KernelCache(List.of(blocked)).store("key", CONTENT);
        assertTrue(new KernelCache(List.of(blocked)).find("key").isEmpty());
    }

    /** In a shared /tmp anybody may have made the folder, or what is in it. */
    @Test
    void shouldNotUseAFolderThatOthersCanWriteTo() throws IOException {
        KernelCache cache = new KernelCache(List.of(folder));
        cache.store("key", CONTENT);
        for (Path open : List.of(folder, folder.resolve("kernels"))) {
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
            assertTrue(cache.find("key").isEmpty(), open::toString);
            cache.store("other", CONTENT);
            assertFalse(Files.exists(folder.resolve("kernels/other.cubin")), open::toString);
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwx------"));
        }
        assertTrue(cache.find("key").isPresent());
    }

    @Test
    void shouldGiveOnlyWholeEntriesWhileManyStoreTheSame()
            throws InterruptedException, ExecutionException, TimeoutException, IOException {
        byte[] large = new byte[1 << 18];
        Arrays.fill(large, (byte) 7);
        ExecutorService ranks = Executors.newFixedThreadPool(8);
        try {
            List<Future<?>> done = IntStream.range(0, 8).<Future<?>>mapToObj(rank -> ranks.submit(() -> {
                KernelCache cache = new KernelCache(List.of(folder));
                for (int i = 0; i < 20; i++) {
                    cache.store("key", large);
                    assertArrayEquals(large, cache.find("key").orElseThrow());
                }
            })).toList();
            for (Future<?> rank : done) {
                rank.get(50, TimeUnit.SECONDS);
            }
        } finally {
            ranks.shutdownNow();
        }
        try (Stream<Path> files = Files.list(folder.resolve("kernels"))) {
            assertEquals(List.of(folder.resolve("kernels/key.cubin")), files.toList(), "nothing temporary stays behind");
        }
    }

    @Test
    void shouldLieInTheUsersCache() {
        KernelCache cache = KernelCache.ofUser(Map.of("XDG_CACHE_HOME", folder.toString()));
        cache.store("key", CONTENT);
        assertTrue(Files.exists(folder.resolve("lockstep").resolve("kernels").resolve("key.cubin")));
    }

    /** Java calls it "?", which would be a folder of the working directory. */
    @Test
    void shouldNotLieInTheWorkingDirectoryWhereThereIsNoHome() {
        String home = System.setProperty("user.home", "?");
        String temporary = System.setProperty("java.io.tmpdir", folder.toString());
        try {
            KernelCache.ofUser(Map.of()).store("key", CONTENT);
        } finally {
            System.setProperty("user.home", home);
            System.setProperty("java.io.tmpdir", temporary);
        }
        assertFalse(Files.exists(Path.of("?")));
        assertTrue(Files.exists(folder.resolve("lockstep-" + System.getProperty("user.name")).resolve("kernels/key.cubin")));
    }
}

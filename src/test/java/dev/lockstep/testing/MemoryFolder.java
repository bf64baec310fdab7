package dev.lockstep.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDirFactory;

/**
 * For {@code @TempDir} of tests that write many small checkpoints: in memory, where this machine has room for files there.
 * To force one checkpoint to the disk takes longer than to train for it.
 */
public final class MemoryFolder implements TempDirFactory {
    private static final Path SHARED_MEMORY = Path.of("/dev/shm");
    private static final long ENOUGH_BYTES = 32 << 20;

    @Override
    public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext test) throws IOException {
        boolean has = Files.isWritable(SHARED_MEMORY) && Files.getFileStore(SHARED_MEMORY).getUsableSpace() >= ENOUGH_BYTES;
        return has ? Files.createTempDirectory(SHARED_MEMORY, "lockstep-test") : Files.createTempDirectory("lockstep-test");
    }
}

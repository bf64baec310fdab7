package dev.lockstep.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that a test writes again and again. */
public final class ScratchFile {
    private ScratchFile() {}

    /**
     * As {@link Files#write}, but in a new file. One that is emptied first and then written is brought to the disk as it is
     * closed, by ext4 and others of its kind, which takes some milliseconds each time.
     */
    public static Path write(Path file, byte[] content) throws IOException {
        Files.deleteIfExists(file);
        return Files.write(file, content);
    }
}

package dev.lockstep.job;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Files of settings, as far as they are text. */
final class TextFile {
    private static final int MAX_FILE_BYTES = 1 << 20;

    private TextFile() {}

    /**
     * The whole text.
     *
     * @param kind {@code "job file"}, for messages
     * @throws dev.lockstep.InvalidInputException if it cannot be read or is no such file
     */
    static String read(Path file, String kind) {
        Location at = new Location(file.toString(), 0);
        if (Files.isDirectory(file)) {
            throw at.error("is a folder, not a " + kind);
        }
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(MAX_FILE_BYTES + 1);
        } catch (NoSuchFileException e) {
            throw at.error("no such " + kind);
        } catch (AccessDeniedException e) {
            throw at.error("cannot be read: permission denied");
        } catch (IOException e) {
            throw at.error("cannot be read: " + e.getMessage());
        }
        if (bytes.length > MAX_FILE_BYTES) {
            throw at.error("is larger than " + Units.BYTES.format(MAX_FILE_BYTES) + ", so it is no " + kind);
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw at.error("is not UTF-8 text, so it is no " + kind);
        }
    }
}

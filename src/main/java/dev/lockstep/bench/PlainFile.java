package dev.lockstep.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/** What the disk does with bytes that nobody looks at. */
final class PlainFile {
    private static final int PIECE_BYTES = 1 << 20;
    private static final int EVICT_LIMIT_SECONDS = 30;

    private final Path file;
    private final ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES);

    /** @param file is overwritten */
    PlainFile(Path file) {
        this.file = file;
        // Zeros alone might not reach a disk that compresses.
        for (int i = 0; i < PIECE_BYTES; i += Integer.BYTES) {
            piece.putInt(i, i * 0x9E3779B9);
        }
    }

    /** Writes {@code bytes} until they are on the disk. */
    void write(long bytes) throws IOException {
        Files.deleteIfExists(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (long left = bytes; left > 0; left -= PIECE_BYTES) {
                piece.position(0).limit((int) Math.min(PIECE_BYTES, left));
                while (piece.hasRemaining()) {
                    channel.write(piece);
                }
            }
            channel.force(true);
        }
    }

    /** Reads all of it. */
    void read() throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(piece.clear()) > 0) {
                // Nobody wants the bytes.
            }
        }
    }

    /** Has the system forget what it holds of {@code file} in memory; false where it could not be asked to, by GNU dd. */
    static boolean evict(Path file) throws IOException {
        try {
            Process dd = new ProcessBuilder("dd", "if=" + file, "iflag=nocache", "count=0", "status=none")
                    .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            if (!dd.waitFor(EVICT_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                dd.destroyForcibly();
                return false;
            }
            return dd.exitValue() == 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}

package dev.lockstep.data;

import dev.lockstep.testing.ScratchFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/** Makes IDX files for tests. */
public final class IdxFiles {
    private IdxFiles() {
    }

    /** Zeros, 08, the number of dimensions, the dimensions, as the format has it. */
    public static byte[] header(int... dimensions) {
        ByteBuffer bytes = ByteBuffer.allocate(4 + 4 * dimensions.length);
        bytes.putInt(0x800 + dimensions.length);
        for (int dimension : dimensions) {
            bytes.putInt(dimension);
        }
        return bytes.array();
    }

    /** A whole file, whose element i is {@link #element}(i). */
    public static byte[] idx(int... dimensions) {
        int elements = 1;
        for (int dimension : dimensions) {
            elements *= dimension;
        }
        byte[] content = new byte[elements];
        for (int i = 0; i < elements; i++) {
            content[i] = (byte) element(i);
        }
        return join(header(dimensions), content);
    }

    /** Bytes from 0 to 250, of a period that divides no block. */
    public static int element(long i) {
        return (int) (i * 7 % 251);
    }

    public static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }

    public static byte[] gzip(byte[] content) {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
            gzip.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return compressed.toByteArray();
    }

    public static Path write(Path path, byte[] content) {
        try {
            return ScratchFile.write(path, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

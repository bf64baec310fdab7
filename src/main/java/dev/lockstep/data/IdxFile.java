package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.ZipException;

/**
 * An open file in the IDX format of MNIST, with unsigned bytes, plain or gzipped as its content tells: two zero bytes,
 * the element type, the number of dimensions, each dimension as a big-endian 32-bit number, then the elements.
 * Every failure is an InvalidInputException that names the file.
 */
final class IdxFile implements AutoCloseable {
    /** What a file has to hold. */
    enum Kind {
        /** Two or more dimensions: samples, then those of a sample. */
        IMAGES("images"),
        /** One dimension. */
        LABELS("labels");

        private final String plural;

        Kind(String plural) {
            this.plural = plural;
        }
    }

    private static final int TYPE_UNSIGNED_BYTE = 0x08;
    private static final int SCRATCH_BYTES = 1 << 16;
    private static final String GET_AGAIN = "get the file again";

    private final Path path;
    private final Kind kind;
    private FileChannel file;
    /** What the file holds, inflated where it is compressed. */
    private ReadableByteChannel content;
    /** The dimensions read so far, for messages. */
    private String shape = "";
    private int samples;
    private int features = 1;
    private long promisedBytes;

    private IdxFile(Path path, Kind kind) {
        this.path = path;
        this.kind = kind;
    }

    /** Opens the file, and checks its header and its length against the header's promise; allocates next to nothing. */
    static IdxFile open(Path path, Kind kind) {
        return open(path, kind, true);
    }

    private static IdxFile open(Path path, Kind kind, boolean checkLength) {
        IdxFile idx = new IdxFile(path, kind);
        try {
            idx.openContent();
            idx.readHeader();
            if (checkLength) {
                idx.checkLength();
            }
            return idx;
        } catch (IOException e) {
            idx.close();
            throw idx.failed(e);
        } catch (InvalidInputException e) {
            idx.close();
            throw e;
        }
    }

    int samples() {
        return samples;
    }

    /** Elements of each sample; 1 for labels. */
    int features() {
        return features;
    }

    /** Fills what remains of {@code target} with the next elements. */
    void read(ByteBuffer target) {
        try {
            readFully(target);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** To be called when all elements are read: nothing may follow them. */
    void checkEnd() {
        try {
            if (content.read(ByteBuffer.allocate(1)) > 0) {
                throw tooLong();
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    @Override
    public void close() {
        try {
            if (content != null) {
                content.close();
            }
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            // It was only read from: nothing is lost.
        }
    }

    private void openContent() throws IOException {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw invalid(Files.isDirectory(path) ? "is a folder" : "is not a regular file", nameAFile());
        }
        file = FileChannel.open(path);
        if (file.size() == 0) {
            throw invalid("is empty", GET_AGAIN);
        }
        ByteBuffer magic = ByteBuffer.allocate(2);
        boolean gzip = file.read(magic, 0) == 2 && Short.toUnsignedInt(magic.getShort(0)) == GzipChannel.MAGIC;
        content = gzip ? new GzipChannel(file) : file;
    }

    private void readHeader() throws IOException {
        int magic = readInt();
        int type = (magic >>> 8) & 0xFF;
        int dimensions = magic & 0xFF;
        if (magic >>> 16 != 0 || dimensions == 0) {
            throw invalid(String.format("is not an IDX file: it starts with %08x", magic), nameAFile());
        }
        if (type != TYPE_UNSIGNED_BYTE) {
            throw invalid(String.format("has elements of type 0x%02x", type), "only unsigned bytes, 0x08, can be read");
        }
        if ((dimensions == 1) != (kind == Kind.LABELS)) {
            throw invalid("has " + dimensions + (dimensions == 1 ? " dimension" : " dimensions") + ", as no file of "
                    + kind.plural + " has", "check that images and labels are not swapped");
        }
        String read = "";
        for (int i = 0; i < dimensions; i++) {
            long size = Integer.toUnsignedLong(readInt());
            read += (i == 0 ? "" : " x ") + size;
            if (size == 0) {
                throw invalid("is without elements: its header says " + read, GET_AGAIN);
            }
            if (size * features > Integer.MAX_VALUE) {
                throw invalid("has a header that says " + read + ", more than can be read", GET_AGAIN);
            }
            if (i == 0) {
                samples = (int) size;
            } else {
                features *= (int) size;
            }
        }
        shape = read;
        promisedBytes = 4L + 4L * dimensions + (long) samples * features;
    }

    private void checkLength() throws IOException {
        if (content == file) {
            if (file.size() < promisedBytes) {
                throw new EOFException();
            }
            if (file.size() > promisedBytes) {
                throw tooLong();
            }
            return;
        }
        if (promisedBytes / GzipChannel.MAX_RATIO > file.size()) {
            throw new EOFException();
        }
        // The last four bytes tell the length of the last gzip member, modulo 2³². If they say something else, the
        // file may yet be right, of several members: then, and only then, all of it is inflated to know.
        ByteBuffer length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        if (file.read(length, file.size() - 4) < 4 || length.getInt(0) != (int) promisedBytes) {
            try (IdxFile again = open(path, kind, false)) {
                again.skipElements();
                again.checkEnd();
            }
        }
    }

    private void skipElements() {
        ByteBuffer scratch = ByteBuffer.allocateDirect(SCRATCH_BYTES);
        long remaining = (long) samples * features;
        while (remaining > 0) {
            read(scratch.clear().limit((int) Math.min(scratch.capacity(), remaining)));
            remaining -= scratch.position();
        }
    }

    private int readInt() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4);
        readFully(bytes);
        return bytes.getInt(0);
    }

    private void readFully(ByteBuffer target) throws IOException {
        while (target.hasRemaining()) {
            if (content.read(target) < 0) {
                throw new EOFException();
            }
        }
    }

    private String nameAFile() {
        return "name an IDX file of " + kind.plural;
    }

    private InvalidInputException tooLong() {
        return invalid("goes on after the " + shape + " elements that its header promises", GET_AGAIN);
    }

    private InvalidInputException failed(IOException e) {
        if (e instanceof NoSuchFileException) {
            return invalid("does not exist", nameAFile());
        }
        if (e instanceof AccessDeniedException) {
            return invalid("may not be read", "check its permissions");
        }
        if (e instanceof EOFException) {
            return invalid(shape.isEmpty() ? "ends within its header"
                    : "ends before the " + shape + " elements that its header promises", GET_AGAIN);
        }
        if (e instanceof ZipException) {
            return invalid("is damaged: " + e.getMessage(), GET_AGAIN);
        }
        return invalid("cannot be read: " + e.getMessage(), "check the disk and the permissions");
    }

    private InvalidInputException invalid(String what, String remedy) {
        return new InvalidInputException(path + " " + what + "; " + remedy);
    }
}

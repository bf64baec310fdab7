package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

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

    private final Kind kind;
    private final Path path;
    private final DataFile file;
    /** The dimensions read so far, for messages. */
    private String shape = "";
    private int samples;
    private int features = 1;
    private long promisedBytes;

    private IdxFile(Path path, Kind kind) {
        this.kind = kind;
        this.path = path;
        this.file = DataFile.open(path, nameAFile());
    }

    /** Opens the file, and checks its header and its length against the header's promise; allocates next to nothing. */
    static IdxFile open(Path path, Kind kind) {
        return open(path, kind, true);
    }

    private static IdxFile open(Path path, Kind kind, boolean checkLength) {
        IdxFile idx = new IdxFile(path, kind);
        try {
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
            if (file.read(ByteBuffer.allocate(1)) > 0) {
                throw tooLong();
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    @Override
    public void close() {
        file.close();
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
                throw invalid("is without elements: its header says " + read, DataFile.GET_AGAIN);
            }
            if (size * features > Integer.MAX_VALUE) {
                throw invalid("has a header that says " + read + ", more than can be read", DataFile.GET_AGAIN);
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
        long fileBytes = file.file().size();
        if (!file.isCompressed()) {
            if (fileBytes < promisedBytes) {
                throw new EOFException();
            }
            if (fileBytes > promisedBytes) {
                throw tooLong();
            }
            return;
        }
        if (promisedBytes / GzipChannel.MAX_RATIO > fileBytes) {
            throw new EOFException();
        }
        // The last four bytes tell the length of the last gzip member, modulo 2³². If they say something else, the
        // file may yet be right, of several members: then, and only then, all of it is inflated to know.
        ByteBuffer length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        if (file.file().read(length, fileBytes - 4) < 4 || length.getInt(0) != (int) promisedBytes) {
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
            if (file.read(target) < 0) {
                throw new EOFException();
            }
        }
    }

    private String nameAFile() {
        return "name an IDX file of " + kind.plural;
    }

    private InvalidInputException tooLong() {
        return invalid("goes on after the " + shape + " elements that its header promises", DataFile.GET_AGAIN);
    }

    private InvalidInputException failed(IOException e) {
        return file.failed(e, shape.isEmpty() ? "ends within its header"
                : "ends before the " + shape + " elements that its header promises");
    }

    private InvalidInputException invalid(String what, String remedy) {
        return file.invalid(what, remedy);
    }
}

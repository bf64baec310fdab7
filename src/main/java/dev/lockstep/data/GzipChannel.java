package dev.lockstep.data;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import java.util.zip.ZipException;

/**
 * What a gzip stream (RFC 1952) of one or more members holds, inflated straight into the caller's memory. Unlike
 * java.util.zip.GZIPInputStream, it refuses bytes behind the last member.
 */
final class GzipChannel implements ReadableByteChannel {
    static final int MAGIC = 0x1F8B;
    /** Deflate's best: two bits, a length and a distance, stand for 258 bytes. */
    static final int MAX_RATIO = 1032;

    private static final int INPUT_BYTES = 1 << 18;
    private static final int METHOD_DEFLATE = 8;
    private static final int FLAG_HEADER_CRC = 2;
    private static final int FLAG_EXTRA = 4;
    private static final int FLAG_NAME = 8;
    private static final int FLAG_COMMENT = 16;

    private final ReadableByteChannel source;
    private final ByteBuffer input = ByteBuffer.allocateDirect(INPUT_BYTES).limit(0);
    private final Inflater inflater = new Inflater(true);
    private final CRC32 crc = new CRC32();
    private boolean insideMember;
    private boolean open = true;

    /** Reads the first member's header. */
    GzipChannel(ReadableByteChannel source) throws IOException {
        this.source = source;
        beginMember();
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        while (target.hasRemaining()) {
            if (!insideMember) {
                if (!hasInput()) {
                    return -1;
                }
                beginMember();
            }
            int count = inflate(target);
            if (inflater.finished()) {
                endMember();
            }
            if (count > 0) {
                return count;
            }
        }
        return 0;
    }

    private int inflate(ByteBuffer target) throws IOException {
        if (inflater.needsInput()) {
            if (!hasInput()) {
                throw new EOFException();
            }
            inflater.setInput(input);
        }
        ByteBuffer written = target.duplicate();
        try {
            int count = inflater.inflate(target);
            crc.update(written.limit(target.position()));
            return count;
        } catch (DataFormatException e) {
            throw new ZipException(e.getMessage() == null ? "bad deflate data" : e.getMessage());
        }
    }

    private void beginMember() throws IOException {
        if (nextByte() != MAGIC >>> 8 || nextByte() != (MAGIC & 0xFF)) {
            throw new ZipException("bytes that do not belong there follow the compressed data");
        }
        if (nextByte() != METHOD_DEFLATE) {
            throw new ZipException("unknown compression method");
        }
        int flags = nextByte();
        skip(6); // time, extra flags, operating system
        if ((flags & FLAG_EXTRA) != 0) {
            skip(nextByte() | nextByte() << 8);
        }
        if ((flags & FLAG_NAME) != 0) {
            skipString();
        }
        if ((flags & FLAG_COMMENT) != 0) {
            skipString();
        }
        if ((flags & FLAG_HEADER_CRC) != 0) {
            skip(2);
        }
        inflater.reset();
        crc.reset();
        insideMember = true;
    }

    private void endMember() throws IOException {
        long expectedCrc = nextUnsignedInt();
        long expectedBytes = nextUnsignedInt();
        if (crc.getValue() != expectedCrc || (inflater.getBytesWritten() & 0xFFFF_FFFFL) != expectedBytes) {
            throw new ZipException("the checksum does not match");
        }
        insideMember = false;
    }

    private boolean hasInput() throws IOException {
        if (!input.hasRemaining()) {
            input.clear();
            int count;
            do {
                count = source.read(input);
            } while (count == 0);
            input.flip();
        }
        return input.hasRemaining();
    }

    private int nextByte() throws IOException {
        if (!hasInput()) {
            throw new EOFException();
        }
        return Byte.toUnsignedInt(input.get());
    }

    private long nextUnsignedInt() throws IOException {
        return nextByte() | nextByte() << 8 | nextByte() << 16 | (long) nextByte() << 24;
    }

    private void skip(int bytes) throws IOException {
        for (int i = 0; i < bytes; i++) {
            nextByte();
        }
    }

    private void skipString() throws IOException {
        while (nextByte() != 0) {
            // The file name or comment ends with a zero.
        }
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public void close() throws IOException {
        open = false;
        inflater.end();
        source.close();
    }
}

package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import java.util.zip.ZipException;

/**
 * A file of samples that is open for reading from its beginning, plain or gzipped as its content tells. What is wrong with
 * the file itself becomes an InvalidInputException that names it.
 */
final class DataFile implements AutoCloseable {
    static final String GET_AGAIN = "get the file again";

    private final Path path;
    private final String remedy;
    private final CRC32C sum = new CRC32C();
    private FileChannel file;
    /** What the file holds, inflated where it is compressed. */
    private ReadableByteChannel content;

    private DataFile(Path path, String remedy) {
        this.path = path;
        this.remedy = remedy;
    }

    /** @param remedy what to do where {@code path} is no such file, such as "name an IDX file of images" */
    static DataFile open(Path path, String remedy) {
        DataFile data = new DataFile(path, remedy);
        try {
            data.openContent();
            return data;
        } catch (IOException e) {
            data.close();
            throw data.failed(e, "ends within its gzip header");
        } catch (InvalidInputException e) {
            data.close();
            throw e;
        }
    }

    private void openContent() throws IOException {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw invalid(Files.isDirectory(path) ? "is a folder" : "is not a regular file", remedy);
        }
        file = FileChannel.open(path);
        if (file.size() == 0) {
            throw invalid("is empty", GET_AGAIN);
        }
        ByteBuffer magic = ByteBuffer.allocate(2);
        boolean gzip = file.read(magic, 0) == 2 && Short.toUnsignedInt(magic.getShort(0)) == GzipChannel.MAGIC;
        ReadableByteChannel summed = new SummedChannel();
        content = gzip ? new GzipChannel(summed) : summed;
    }

    /** The file's own bytes, counted into the sum as they are read. */
    private final class SummedChannel implements ReadableByteChannel {
        @Override
        public int read(ByteBuffer target) throws IOException {
            ByteBuffer read = target.duplicate();
            int count = file.read(target);
            sum.update(read.limit(target.position()));
            return count;
        }

        @Override
        public boolean isOpen() {
            return file.isOpen();
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }

    /** As {@link ReadableByteChannel#read}: -1 at the end. */
    int read(ByteBuffer target) throws IOException {
        return content.read(target);
    }

    boolean isCompressed() {
        return content instanceof GzipChannel;
    }

    /** The file itself, to be looked at in other places than the next. */
    FileChannel file() {
        return file;
    }

    /** Of the file's bytes as far as they have been read. */
    long sum() {
        return sum.getValue();
    }

    /** @param end what it is to the file that it has ended: "ends within its header" */
    InvalidInputException failed(IOException e, String end) {
        if (e instanceof NoSuchFileException) {
            return invalid("does not exist", remedy);
        }
        if (e instanceof AccessDeniedException) {
            return invalid("may not be read", "check its permissions");
        }
        if (e instanceof EOFException) {
            return invalid(end, GET_AGAIN);
        }
        if (e instanceof ZipException) {
            return invalid("is damaged: " + e.getMessage(), GET_AGAIN);
        }
        return invalid("cannot be read: " + e.getMessage(), "check the disk and the permissions");
    }

    InvalidInputException invalid(String what, String todo) {
        return new InvalidInputException(path + " " + what + "; " + todo);
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
}

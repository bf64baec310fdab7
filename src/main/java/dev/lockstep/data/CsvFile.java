package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The records of a CSV file, one after the other: fields as RFC 4180 has them, in UTF-8, plain or gzipped. A record ends
 * with LF, CRLF or CR, or with the file. Blank lines are passed over. Fields are ranges of a buffer that the next record
 * overwrites, with their quotes taken off. Memory is bounded, whatever the file holds.
 */
final class CsvFile implements AutoCloseable {
    static final int LARGEST_RECORD_BYTES = 1 << 24;
    static final int MOST_FIELDS = 1 << 16;

    private static final int FIRST_BUFFER_BYTES = 1 << 18;
    private static final String CHECK_QUOTES = "check the quotes before it";

    private final Path path;
    private final DataFile file;
    private final byte delimiter;
    /** No byte that ends a field is above it. */
    private final int lastStop;
    /** With room for a line feed behind the limit, which ends every loop over a plain row. */
    private byte[] buffer = new byte[FIRST_BUFFER_BYTES + 1];
    private int recordStart;
    private int position;
    private int limit;
    private boolean quotedOnly;
    /** From the record's start on, so that the record can be moved. */
    private final int[] starts = new int[MOST_FIELDS];
    private final int[] ends = new int[MOST_FIELDS];
    private int fields;
    /** Of each column; null before they are known. */
    private boolean[] numeric;
    private double[] numbers;
    /** Whether the last record was read by the fast path. */
    private boolean plain;
    /** Of the position, and of the record's beginning; from 1 on. */
    private long line = 1;
    private long recordLine = 1;

    private CsvFile(Path path, byte delimiter) {
        this.path = path;
        this.delimiter = delimiter;
        lastStop = Math.max(delimiter, '\r');
        file = DataFile.open(path, "name a CSV file");
    }

    static CsvFile open(Path path, byte delimiter) {
        CsvFile csv = new CsvFile(path, delimiter);
        try {
            csv.skipByteOrderMark();
            return csv;
        } catch (InvalidInputException e) {
            csv.close();
            throw e;
        }
    }

    private void skipByteOrderMark() {
        while (limit < 3 && fill()) {
            // A gzipped file may come byte by byte.
        }
        if (limit >= 3 && buffer[0] == (byte) 0xEF && buffer[1] == (byte) 0xBB && buffer[2] == (byte) 0xBF) {
            position = 3;
        }
    }

    /** Says of each column whether a number is expected in the records that follow. */
    void expect(boolean[] numericColumns) {
        numeric = numericColumns;
        numbers = new double[numericColumns.length];
    }

    /** Reads the next record; false if there is none. */
    boolean next() {
        plain = numeric != null && readPlain();
        return plain || readAny();
    }

    private boolean readPlain() {
        buffer[limit] = '\n';
        int end = PlainRow.read(buffer, position, limit, delimiter, numeric, numbers, starts, ends);
        if (end < 0) {
            return false;
        }
        fields = numeric.length;
        recordStart = position;
        position = end;
        recordLine = line++;
        return true;
    }

    private boolean readAny() {
        do {
            recordStart = position;
            recordLine = line;
            fields = 0;
            if (position == limit && !fill()) {
                return false;
            }
            while (readField()) {
                // Another follows.
            }
        } while (fields == 1 && starts[0] == ends[0] && !quotedOnly);
        return true;
    }

    /** Of the last record; it may have had more than are kept. */
    int fields() {
        return fields;
    }

    /** Whether {@link #number} tells the numbers of the last record; else its fields do. */
    boolean isPlain() {
        return plain;
    }

    /** What is in a column of which a number is expected, in a plain record. */
    double number(int column) {
        return numbers[column];
    }

    /** Holds the fields of the last record; where it is plain, those of which no number is expected. */
    byte[] bytes() {
        return buffer;
    }

    /** Where field {@code index} begins in {@link #bytes}. */
    int start(int index) {
        return recordStart + starts[index];
    }

    /** Where it ends: the index behind its last byte. */
    int end(int index) {
        return recordStart + ends[index];
    }

    /** The field as a message shows it. */
    String excerpt(int index) {
        return Utf8.excerpt(buffer, start(index), end(index));
    }

    /** Of the file's bytes as far as they have been read; all of them, when there is no next record. */
    long sum() {
        return file.sum();
    }

    /** About the last record. */
    InvalidInputException invalid(String what, String todo) {
        return new InvalidInputException(path + ":" + recordLine + ": " + what + "; " + todo);
    }

    @Override
    public void close() {
        file.close();
    }

    /** Whether another field of the record follows. */
    private boolean readField() {
        if ((position < limit || fill()) && buffer[position] == '"') {
            return readQuoted();
        }
        quotedOnly = false;
        int start = position - recordStart;
        while (true) {
            byte[] bytes = buffer;
            int end = limit;
            for (int i = position; i < end; i++) {
                byte b = bytes[i];
                if (b <= lastStop && (b == delimiter || b == '\n' || b == '\r')) {
                    position = i;
                    add(start, i - recordStart);
                    return passStop();
                }
            }
            position = end;
            if (!fill()) {
                add(start, position - recordStart);
                return false;
            }
        }
    }

    /** As above, at an opening quote; the content is moved together over the quotes that are doubled in it. */
    private boolean readQuoted() {
        quotedOnly = fields == 0;
        position++;
        int start = position - recordStart;
        int end = start;
        while (true) {
            if (position == limit && !fill()) {
                throw invalid("a quoted field does not end before the file does", CHECK_QUOTES);
            }
            byte b = buffer[position++];
            if (b == '"') {
                if (position == limit && !fill()) {
                    add(start, end);
                    return false;
                }
                byte after = buffer[position];
                if (after == delimiter || after == '\n' || after == '\r') {
                    add(start, end);
                    return passStop();
                }
                if (after != '"') {
                    throw invalid("a quoted field goes on behind its closing quote", "double the quotes within a quoted field");
                }
                position++;
            } else if (b == '\n') {
                line++;
            }
            buffer[recordStart + end++] = b;
        }
    }

    private void add(int start, int end) {
        if (fields < MOST_FIELDS) {
            starts[fields] = start;
            ends[fields] = end;
        }
        fields++;
    }

    /** Goes past the byte that ends a field; returns whether it was a delimiter. */
    private boolean passStop() {
        byte stop = buffer[position++];
        if (stop == delimiter) {
            return true;
        }
        line++;
        if (stop == '\r' && (position < limit || fill()) && buffer[position] == '\n') {
            position++;
        }
        return false;
    }

    /** Reads more bytes behind those at hand, where the record so far is kept; false at the end of the file. */
    private boolean fill() {
        if (recordStart > 0) {
            System.arraycopy(buffer, recordStart, buffer, 0, limit - recordStart);
            position -= recordStart;
            limit -= recordStart;
            recordStart = 0;
        }
        int room = buffer.length - 1;
        if (limit == room) {
            if (room == LARGEST_RECORD_BYTES) {
                throw invalid("a record is longer than " + (LARGEST_RECORD_BYTES >> 20) + " MiB", "check the quotes in it");
            }
            room = 2 * room;
            buffer = Arrays.copyOf(buffer, room + 1);
        }
        try {
            int count = file.read(ByteBuffer.wrap(buffer, limit, room - limit));
            limit += Math.max(0, count);
            return count >= 0;
        } catch (IOException e) {
            throw file.failed(e, "ends within its compressed data");
        }
    }
}

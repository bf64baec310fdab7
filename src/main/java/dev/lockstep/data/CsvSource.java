package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Rows of one or more CSV files, each a sample. The files are read twice, once to count the rows, and for a training split
 * to find its encoding, and once to decode them into the device's memory: so that nothing but the samples is kept, and
 * statistics are of the numbers as they are written.
 */
public final class CsvSource implements DatasetSource {
    private static final int BLOCK_ELEMENTS = 1 << 20;

    /** What the first pass has told; null before. */
    private record Scan(CsvEncoding encoding, int rows, List<Long> sums) {
    }

    private final List<Path> files;
    /** Of a training split; else null. */
    private final CsvOptions options;
    /** Of another; else null. */
    private final Supplier<CsvEncoding> encoding;
    private Scan scan;

    private CsvSource(List<Path> files, CsvOptions options, Supplier<CsvEncoding> encoding) {
        this.files = List.copyOf(files);
        this.options = options;
        this.encoding = encoding;
    }

    /** A training split, which tells how its columns are encoded. */
    public static CsvSource training(List<Path> files, CsvOptions options) {
        return new CsvSource(files, Objects.requireNonNull(options), null);
    }

    /** Another split, encoded as the training split is. */
    public static CsvSource encoded(List<Path> files, Supplier<CsvEncoding> encoding) {
        return new CsvSource(files, null, Objects.requireNonNull(encoding));
    }

    @Override
    public String description() {
        return files.get(0) + (files.size() == 1 ? "" : " and " + (files.size() - 1) + " more");
    }

    @Override
    public Optional<CsvEncoding> encoding() {
        return Optional.of(scan().encoding);
    }

    @Override
    public DatasetInfo info() {
        Scan found = scan();
        long bytesPerSample = (long) found.encoding.features() * Float.BYTES + (long) found.encoding.targets() * Float.BYTES;
        return new DatasetInfo(found.rows, found.encoding.features(), found.rows * bytesPerSample);
    }

    private Scan scan() {
        if (scan == null) {
            scan = options == null ? count(encoding.get()) : fit();
        }
        return scan;
    }

    private Scan fit() {
        CsvFit.Result result = CsvFit.of(files, options, description());
        return new Scan(result.encoding(), result.rows(), result.sums());
    }

    private Scan count(CsvEncoding given) {
        try (CsvRows rows = open(given)) {
            while (rows.next()) {
                // It is counted.
            }
            if (rows.count() == 0) {
                throw new InvalidInputException(description() + " holds no rows; " + DataFile.GET_AGAIN);
            }
            return new Scan(given, rows.count(), rows.sums());
        }
    }

    private CsvRows open(CsvEncoding given) {
        return new CsvRows(files, given.options(), given.names(), "the training split");
    }

    @Override
    public Dataset load(Device device, boolean featuresOnHost) {
        Scan found = scan();
        int features = found.encoding.features();
        Matrix matrix = Dataset.allocateFeatures(device, featuresOnHost, DataType.FLOAT32, found.rows, features);
        DeviceBuffer labels = device.allocate(DataType.INT32, found.rows);
        int largest = -1;
        int largestSample = -1;
        try (CsvRows rows = open(found.encoding)) {
            CsvDecoder decoder = new CsvDecoder(found.encoding, rows);
            BlockWriter writer = new BlockWriter(matrix.data(), Math.max(1, BLOCK_ELEMENTS / features) * features);
            BlockWriter labelWriter = new BlockWriter(labels, BLOCK_ELEMENTS);
            ByteBuffer labelBlock = labelWriter.next();
            for (ByteBuffer block = writer.next(); block != null; block = writer.next()) {
                for (FloatBuffer values = block.asFloatBuffer(); values.hasRemaining();) {
                    if (!rows.next()) {
                        throw changed();
                    }
                    decoder.decode();
                    values.put(decoder.features());
                    if (decoder.label() > largest) {
                        largest = decoder.label();
                        largestSample = rows.count() - 1;
                    }
                    if (!labelBlock.hasRemaining()) {
                        labelBlock = labelWriter.next();
                    }
                    labelBlock.putInt(decoder.label());
                }
            }
            labelWriter.next();
            if (rows.next() || !rows.sums().equals(found.sums)) {
                throw changed();
            }
        }
        return new Dataset(description(), featuresOnHost, matrix, labels, 1, largest, largestSample);
    }

    private InvalidInputException changed() {
        return new InvalidInputException(description() + " changed while it was read; start again when nothing writes to it");
    }
}

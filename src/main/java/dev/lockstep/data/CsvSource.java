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
import java.util.OptionalInt;
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
        int targets = found.encoding.targets();
        return new DatasetInfo(found.rows, found.encoding.features(),
                found.encoding.options().classes() ? OptionalInt.empty() : OptionalInt.of(targets),
                found.rows * ((long) found.encoding.features() + targets) * Float.BYTES);
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
        int targetSize = found.encoding.targets();
        Matrix features = Dataset.allocateFeatures(device, featuresOnHost, DataType.FLOAT32, found.rows,
                found.encoding.features());
        boolean classes = found.encoding.options().classes();
        DeviceBuffer targets = device.allocate(classes ? DataType.INT32 : DataType.FLOAT32, (long) found.rows * targetSize);
        try (CsvRows rows = open(found.encoding)) {
            CsvDecoder decoder = new CsvDecoder(found.encoding, rows);
            decode(rows, decoder, writer(features.data(), features.columns()), writer(targets, targetSize));
            if (rows.next() || !rows.sums().equals(found.sums)) {
                throw changed();
            }
            return new Dataset(description(), featuresOnHost, features, classes
                    ? new Targets.Labels(targets, decoder.largestLabel(), decoder.largestLabelSample())
                    : new Targets.Values(new Matrix(targets, found.rows, targetSize)), 1);
        }
    }

    /** Of blocks of whole samples. */
    private static BlockWriter writer(DeviceBuffer buffer, int sampleSize) {
        return new BlockWriter(buffer, Math.max(1, BLOCK_ELEMENTS / sampleSize) * sampleSize);
    }

    private void decode(CsvRows rows, CsvDecoder decoder, BlockWriter featureWriter, BlockWriter targetWriter) {
        FloatBuffer features = FloatBuffer.allocate(0);
        ByteBuffer targets = ByteBuffer.allocate(0);
        while (true) {
            if (!targets.hasRemaining()) {
                targets = targetWriter.next();
            }
            if (!features.hasRemaining()) {
                ByteBuffer block = featureWriter.next();
                if (block == null) {
                    return;
                }
                features = block.asFloatBuffer();
            }
            if (!rows.next()) {
                throw changed();
            }
            decoder.decode();
            features.put(decoder.features());
            decoder.putTarget(targets);
        }
    }

    private InvalidInputException changed() {
        return new InvalidInputException(description() + " changed while it was read; start again when nothing writes to it");
    }
}

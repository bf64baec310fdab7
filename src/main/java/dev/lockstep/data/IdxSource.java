package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * Unsigned bytes in the IDX format of MNIST, plain or gzipped: images of two or more dimensions, each flattened to one
 * row, and labels of one. The bytes are kept as they are.
 */
public final class IdxSource implements DatasetSource {
    private static final float DIVISOR = 255;
    private static final int BLOCK_BYTES = 1 << 21;
    private static final int BLOCK_LABELS = 1 << 16;

    private final List<Path> imagePaths;
    private final List<Path> labelPaths;

    public IdxSource(Path images, Path labels) {
        this(List.of(images), List.of(labels));
    }

    /** Of several files, as many of labels as of images, each of which goes with the one at the same place. */
    public IdxSource(List<Path> images, List<Path> labels) {
        if (images.isEmpty() || images.size() != labels.size()) {
            throw new IllegalArgumentException(images.size() + " files of images and " + labels.size() + " of labels");
        }
        imagePaths = List.copyOf(images);
        labelPaths = List.copyOf(labels);
    }

    @Override
    public String description() {
        return DataFile.describe(imagePaths);
    }

    @Override
    public DatasetInfo info() {
        try (IdxSeries images = IdxSeries.open(imagePaths, IdxFile.Kind.IMAGES);
                IdxSeries labels = IdxSeries.open(labelPaths, IdxFile.Kind.LABELS)) {
            return info(images, labels);
        }
    }

    @Override
    public Dataset load(Device device, boolean featuresOnHost) {
        try (IdxSeries images = IdxSeries.open(imagePaths, IdxFile.Kind.IMAGES);
                IdxSeries labels = IdxSeries.open(labelPaths, IdxFile.Kind.LABELS)) {
            DatasetInfo info = info(images, labels);
            Matrix features = Dataset.allocateFeatures(device, featuresOnHost, DataType.UINT8, info.samples(),
                    info.features());
            BlockWriter writer = new BlockWriter(features.data(), BLOCK_BYTES);
            for (ByteBuffer block = writer.next(); block != null; block = writer.next()) {
                images.read(block);
            }
            images.checkEnd();
            return loadLabels(labels, featuresOnHost, features, device.allocate(DataType.INT32, info.samples()));
        }
    }

    private DatasetInfo info(IdxSeries images, IdxSeries labels) {
        for (int i = 0; i < imagePaths.size(); i++) {
            if (images.samples(i) != labels.samples(i)) {
                throw new InvalidInputException(imagePaths.get(i) + " has " + images.samples(i) + " images, but "
                        + labelPaths.get(i) + " has " + labels.samples(i) + " labels; name two files that belong together");
            }
        }
        long bytesPerSample = (long) images.features() * DataType.UINT8.bytes() + DataType.INT32.bytes();
        return new DatasetInfo(images.samples(), images.features(), images.samples() * bytesPerSample);
    }

    private Dataset loadLabels(IdxSeries file, boolean featuresOnHost, Matrix features, DeviceBuffer labels) {
        int largest = -1;
        int largestSample = -1;
        int sample = 0;
        ByteBuffer bytes = ByteBuffer.allocate(BLOCK_LABELS);
        BlockWriter writer = new BlockWriter(labels, BLOCK_LABELS);
        for (ByteBuffer block = writer.next(); block != null; block = writer.next()) {
            IntBuffer values = block.asIntBuffer();
            file.read(bytes.clear().limit(values.remaining()));
            bytes.flip();
            while (bytes.hasRemaining()) {
                int label = Byte.toUnsignedInt(bytes.get());
                values.put(label);
                if (label > largest) {
                    largest = label;
                    largestSample = sample;
                }
                sample++;
            }
        }
        file.checkEnd();
        return new Dataset(description(), featuresOnHost, features,
                new Targets.Labels(labels, largest, largestSample), DIVISOR);
    }
}

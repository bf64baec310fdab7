package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Unsigned bytes in the IDX format of MNIST, plain or gzipped: images of two or more dimensions, each flattened to one
 * row, and labels of one. The bytes are kept as they are.
 */
public final class IdxSource implements DatasetSource {
    private static final float DIVISOR = 255;
    private static final int BLOCK_BYTES = 1 << 21;
    private static final int BLOCK_LABELS = 1 << 16;

    private final Path imagesPath;
    private final Path labelsPath;

    public IdxSource(Path images, Path labels) {
        this.imagesPath = Objects.requireNonNull(images, "images");
        this.labelsPath = Objects.requireNonNull(labels, "labels");
    }

    @Override
    public String description() {
        return imagesPath.toString();
    }

    @Override
    public DatasetInfo info() {
        try (IdxFile images = IdxFile.open(imagesPath, IdxFile.Kind.IMAGES);
                IdxFile labels = IdxFile.open(labelsPath, IdxFile.Kind.LABELS)) {
            return info(images, labels);
        }
    }

    @Override
    public Dataset load(Device device, boolean featuresOnHost) {
        try (IdxFile images = IdxFile.open(imagesPath, IdxFile.Kind.IMAGES);
                IdxFile labels = IdxFile.open(labelsPath, IdxFile.Kind.LABELS)) {
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

    private DatasetInfo info(IdxFile images, IdxFile labels) {
        if (images.samples() != labels.samples()) {
            throw new InvalidInputException(imagesPath + " has " + images.samples() + " images, but " + labelsPath
                    + " has " + labels.samples() + " labels; name two files that belong together");
        }
        long bytesPerSample = (long) images.features() * DataType.UINT8.bytes() + DataType.INT32.bytes();
        return new DatasetInfo(images.samples(), images.features(), images.samples() * bytesPerSample);
    }

    private Dataset loadLabels(IdxFile file, boolean featuresOnHost, Matrix features, DeviceBuffer labels) {
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

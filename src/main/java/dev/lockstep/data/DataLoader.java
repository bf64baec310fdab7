package dev.lockstep.data;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.Objects;

/**
 * Gathers batches by index from a data set in device memory. All batches share one set of buffers, so that the next
 * load overwrites what the last has gathered; loading allocates nothing. For one thread and one stream at a time.
 */
public final class DataLoader {
    private final Device device;
    private final Dataset dataset;
    private final int largestBatch;
    private final Matrix features; // FLOAT32 [largestBatch, features]
    private final DeviceBuffer labels; // INT32 [largestBatch]
    private final DeviceBuffer indices; // INT32 [largestBatch]
    /** The last copy of indices, which reads the staging memory when the stream comes to it: not before may it be overwritten. */
    private final Event copied;

    /** Allocates the buffers for batches of up to {@code largestBatch} samples. */
    public DataLoader(Device device, Dataset dataset, int largestBatch) {
        this.device = device;
        this.dataset = dataset;
        this.largestBatch = largestBatch;
        this.features = Matrix.allocate(device, device.computeType(), largestBatch, dataset.features().columns());
        this.labels = device.allocate(DataType.INT32, largestBatch);
        this.indices = device.allocate(DataType.INT32, largestBatch);
        this.copied = device.newEvent();
    }

    public Dataset dataset() {
        return dataset;
    }

    /** Makes, at set-up, what loads batches of {@code size} samples, 1 … largestBatch. */
    public Batch batch(int size) {
        if (size < 1 || size > largestBatch) {
            throw new IllegalArgumentException("a batch of " + size + "; 1 to " + largestBatch + " can be loaded");
        }
        return new Batch(size);
    }

    /** A batch of a fixed size, in the loader's buffers. */
    public final class Batch {
        private final int size;
        private final Matrix batchFeatures;
        private final DeviceBuffer batchLabels;
        private final DeviceBuffer batchIndices;
        private final Operation gatherRows;
        private final Operation gatherLabels;
        /** Null where {@link #hostIndices} is the device's own memory. */
        private final ByteBuffer staging;
        private final IntBuffer hostIndices;

        private Batch(int size) {
            this.size = size;
            this.batchFeatures = features.rows(0, size);
            this.batchLabels = labels.slice(0, size);
            this.batchIndices = indices.slice(0, size);
            this.gatherRows = device.operations().gatherRows(dataset.features(), batchIndices, batchFeatures,
                    dataset.divisor());
            this.gatherLabels = device.operations().gatherLabels(dataset.labels(), batchIndices, batchLabels);
            boolean inPlace = batchIndices.isHostAccessible();
            this.staging = inPlace ? null : device.allocateHost(size * Integer.BYTES);
            this.hostIndices = (inPlace ? batchIndices.hostView() : staging).asIntBuffer();
        }

        public int size() {
            return size;
        }

        /** [size, features] in the device's compute type, divided by the data set's divisor; of the last gather. */
        public Matrix features() {
            return batchFeatures;
        }

        /** INT32 [size]; of the last gather. */
        public DeviceBuffer labels() {
            return batchLabels;
        }

        /** As {@link #select} and then {@link #gather}. */
        public void load(int[] sampleIndices, int first, Stream stream) {
            select(sampleIndices, first, stream);
            gather(stream);
        }

        /**
         * Enqueues on {@code stream} that the next gather is of the samples that {@code sampleIndices} names from element
         * {@code first} on; the array may be changed afterwards.
         *
         * @throws IndexOutOfBoundsException if the array ends before, or an index is not of the data set
         */
        public void select(int[] sampleIndices, int first, Stream stream) {
            Objects.checkFromIndexSize(first, size, sampleIndices.length);
            for (int i = first; i < first + size; i++) {
                Objects.checkIndex(sampleIndices[i], dataset.samples());
            }
            copied.synchronize();
            hostIndices.put(0, sampleIndices, first, size);
            if (staging != null) {
                batchIndices.copyFromHost(staging.clear(), stream);
            }
            copied.record(stream);
        }

        /** Enqueues the gathering of the selected samples: always the same work, whichever they are. */
        public void gather(Stream stream) {
            gatherRows.enqueue(stream);
            gatherLabels.enqueue(stream);
        }
    }
}

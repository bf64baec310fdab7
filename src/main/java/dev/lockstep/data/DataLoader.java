package dev.lockstep.data;

import dev.lockstep.device.Activation;
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
 * Gathers batches by index from a data set. All batches share one set of buffers, so that the next load overwrites what the
 * last has gathered; loading allocates nothing. For one thread, which loads on one stream at a time.
 *
 * <p>Features that lie on the host's side of the bus are gathered on a stream of their own into a buffer of their own, the
 * next batch's while the current one is computed with ({@link Batch#prefetch}).
 */
public final class DataLoader {
    private final Device device;
    private final Dataset dataset;
    private final int largestBatch;
    private final Matrix features; // [largestBatch, features]
    private final DeviceBuffer targets; // INT32 [largestBatch], or FLOAT32 [largestBatch, outputs]
    private final int targetSize; // elements of a sample
    private final DeviceBuffer indices; // INT32 [largestBatch]
    /** Behind the last copy of indices: until its stream comes to it, the staging memory is still to be read. */
    private final Event copied;
    /** Null where the features lie in the device's memory. */
    private final Prefetch prefetch;

    /** Allocates the buffers for batches of up to {@code largestBatch} samples. */
    public DataLoader(Device device, Dataset dataset, int largestBatch) {
        this.device = device;
        this.dataset = dataset;
        this.largestBatch = largestBatch;
        this.features = allocateBatch();
        this.targetSize = dataset.targets() instanceof Targets.Values values ? values.matrix().columns() : 1;
        this.targets = device.allocate(dataset.targets().data().type(), (long) largestBatch * targetSize);
        this.indices = device.allocate(DataType.INT32, largestBatch);
        this.copied = device.newEvent();
        this.prefetch = dataset.featuresOnHost() ? new Prefetch() : null;
    }

    private Matrix allocateBatch() {
        return Matrix.allocate(device, device.computeType(), largestBatch, dataset.features().columns());
    }

    /** What comes over the bus beside the compute stream. */
    private final class Prefetch {
        private final Stream stream = device.newStream();
        private final Matrix features = allocateBatch();
        /** The fetched batch is there; and it was taken away, its indices with it. */
        private final Event arrived = device.newEvent();
        private final Event taken = device.newEvent();
        /** What is being fetched; null if nothing is. */
        private Batch batch;
        private int first;
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
        private final DeviceBuffer batchTargets;
        private final DeviceBuffer batchIndices;
        private final Operation gatherRows;
        private final Operation gatherTargets;
        /** From the prefetched features to the batch's; null where they are gathered there. */
        private final Operation take;
        /** Null where {@link #hostIndices} is the device's own memory. */
        private final ByteBuffer staging;
        private final IntBuffer hostIndices;

        private Batch(int size) {
            this.size = size;
            this.batchFeatures = features.rows(0, size);
            this.batchTargets = targets.slice(0, (long) size * targetSize);
            this.batchIndices = indices.slice(0, size);
            Matrix gathered = prefetch == null ? batchFeatures : prefetch.features.rows(0, size);
            this.gatherRows = device.operations().gatherRows(dataset.features(), batchIndices, gathered,
                    dataset.divisor());
            this.gatherTargets = dataset.targets() instanceof Targets.Values values
                    ? device.operations().gatherRows(values.matrix(), batchIndices,
                            new Matrix(batchTargets, size, targetSize), 1)
                    : device.operations().gatherLabels(dataset.targets().data(), batchIndices, batchTargets);
            this.take = prefetch == null ? null : device.operations().activationForward(Activation.IDENTITY,
                    gathered.data(), batchFeatures.data());
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

        /** INT32 [size], or FLOAT32 [size, outputs] where the data set's targets are values; of the last gather. */
        public DeviceBuffer targets() {
            return batchTargets;
        }

        /** As {@link #select} and then {@link #gather}. */
        public void load(int[] sampleIndices, int first, Stream stream) {
            select(sampleIndices, first, stream);
            gather(stream);
        }

        /**
         * Begins to bring over the bus what the next {@link #select} will name; to be called after the last one, before its
         * batch is computed with. Does nothing where the features lie in the device's memory.
         *
         * @throws IndexOutOfBoundsException as select
         */
        public void prefetch(int[] sampleIndices, int first) {
            if (prefetch == null) {
                return;
            }
            prefetch.stream.waitFor(prefetch.taken);
            sendIndices(sampleIndices, first, prefetch.stream);
            gatherRows.enqueue(prefetch.stream);
            prefetch.arrived.record(prefetch.stream);
            prefetch.batch = this;
            prefetch.first = first;
        }

        /**
         * Enqueues on {@code stream} that the next gather is of the samples that {@code sampleIndices} names from element
         * {@code first} on; the array may be changed afterwards, though not between a prefetch and its select.
         *
         * @throws IndexOutOfBoundsException if the array ends before, or an index is not of the data set
         */
        public void select(int[] sampleIndices, int first, Stream stream) {
            if (prefetch == null) {
                sendIndices(sampleIndices, first, stream);
                return;
            }
            if (prefetch.batch != this || prefetch.first != first) {
                prefetch(sampleIndices, first);
            }
            prefetch.batch = null;
            stream.waitFor(prefetch.arrived);
            take.enqueue(stream);
            gatherTargets.enqueue(stream);
            prefetch.taken.record(stream);
        }

        private void sendIndices(int[] sampleIndices, int first, Stream stream) {
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

        /**
         * Enqueues the gathering of the selected samples: always the same work, whichever they are. None is left where
         * they were prefetched.
         */
        public void gather(Stream stream) {
            if (prefetch == null) {
                gatherRows.enqueue(stream);
                gatherTargets.enqueue(stream);
            }
        }
    }
}

package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.random.Mt19937;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class DataLoaderTest {
    private static final int SAMPLES = 23;

    @Test
    void shouldGatherTheRowsAndLabelsThatTheIndicesName() {
        for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
            try (device) {
                for (DataType type : new DataType[] {DataType.UINT8, DataType.FLOAT32}) {
                    for (int features : new int[] {1, 3, 17}) {
                        Dataset dataset = dataset(device, type, features);
                        DataLoader loader = new DataLoader(device, dataset, 16);
                        int[] indices = new Mt19937(features).randperm(SAMPLES);
                        for (int size : new int[] {1, 2, 5, 7, 16}) {
                            for (int first : new int[] {0, 3, SAMPLES - size}) {
                                checkLoad(device, loader.batch(size), dataset, indices, first);
                            }
                        }
                    }
                }
            }
        }
    }

    @Test
    void shouldPrefetchTheNextBatchWithoutTouchingTheCurrentOne() {
        for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
            try (device) {
                Dataset dataset = dataset(device, DataType.UINT8, 5, true);
                DataLoader loader = new DataLoader(device, dataset, 4);
                DataLoader.Batch full = loader.batch(4);
                DataLoader.Batch last = loader.batch(3);
                int[] indices = new Mt19937(1).randperm(SAMPLES);
                for (int first = 0; first < SAMPLES; first += 4) {
                    DataLoader.Batch batch = first + 4 <= SAMPLES ? full : last;
                    batch.select(indices, first, device.computeStream());
                    int next = first + 4;
                    if (next < SAMPLES) {
                        (next + 4 <= SAMPLES ? full : last).prefetch(indices, next);
                    }
                    batch.gather(device.computeStream());
                    check(device, batch, dataset, indices, first);
                }
            }
        }
    }

    @Test
    void shouldFetchAnewWhatIsNotWhatWasPrefetched() {
        try (Device device = new DeferredDevice()) {
            Dataset dataset = dataset(device, DataType.UINT8, 5, true);
            DataLoader.Batch batch = new DataLoader(device, dataset, 4).batch(4);
            int[] indices = new Mt19937(1).randperm(SAMPLES);
            checkLoad(device, batch, dataset, indices, 0);
            batch.prefetch(indices, 4);
            checkLoad(device, batch, dataset, indices, 8);
            checkLoad(device, batch, dataset, indices, 4);
        }
    }

    @Test
    void shouldGatherTargetsThatAreNumbers() {
        for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
            try (device) {
                for (boolean onHost : new boolean[] {false, true}) {
                    for (int outputs : new int[] {1, 3}) {
                        double[] values = new double[SAMPLES * outputs];
                        Arrays.setAll(values, i -> i / 8.0);
                        Dataset dataset = new Dataset("test data", onHost, dataset(device, DataType.UINT8, 5).features(),
                                new Targets.Values(Buffers.matrix(device, DataType.FLOAT32, SAMPLES, outputs, values)), 255);
                        DataLoader.Batch batch = new DataLoader(device, dataset, 4).batch(3);
                        batch.load(new int[] {22, 7, 0}, 0, device.computeStream());
                        device.computeStream().synchronize();
                        double[] expected = new double[3 * outputs];
                        for (int j = 0; j < outputs; j++) {
                            expected[j] = values[22 * outputs + j];
                            expected[outputs + j] = values[7 * outputs + j];
                            expected[2 * outputs + j] = values[j];
                        }
                        assertArrayEquals(expected, Buffers.read(batch.targets()));
                    }
                }
            }
        }
    }

    @Test
    void shouldGatherTheSameSampleTwice() {
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = dataset(device, DataType.UINT8, 5);
            checkLoad(device, new DataLoader(device, dataset, 4).batch(4), dataset, new int[] {2, 22, 2, 0}, 0);
        }
    }

    @Test
    void shouldNotOverwriteIndicesThatTheStreamHasNotReadYet() {
        try (Device device = new DeferredDevice()) {
            Dataset dataset = dataset(device, DataType.UINT8, 2);
            DataLoader loader = new DataLoader(device, dataset, 3);
            DataLoader.Batch batch = loader.batch(3);
            DeviceBuffer seen = device.allocate(DataType.INT32, 3);
            Operation step = device.operations().gatherLabels(batch.targets(), Buffers.ints(device, 0, 1, 2), seen);
            batch.load(new int[] {10, 11, 12}, 0, device.computeStream());
            step.enqueue(device.computeStream());
            batch.load(new int[] {5, 6, 7}, 0, device.computeStream());
            device.computeStream().synchronize();
            assertArrayEquals(new double[] {label(10), label(11), label(12)}, Buffers.read(seen));
            assertArrayEquals(new double[] {label(5), label(6), label(7)}, Buffers.read(batch.targets()));
        }
    }

    @Test
    void shouldAllocateNothingForALoad() {
        try (Device device = new ReferenceDevice()) {
            DataLoader loader = new DataLoader(device, dataset(device, DataType.UINT8, 64), 16);
            DataLoader.Batch full = loader.batch(16);
            DataLoader.Batch last = loader.batch(7);
            int[] indices = new Mt19937(0).randperm(SAMPLES);
            long deviceBytes = device.allocatedBytes();
            assertEquals(0, Allocations.bytesOf(() -> {
                full.load(indices, 0, device.computeStream());
                last.load(indices, 16, device.computeStream());
            }));
            assertEquals(deviceBytes, device.allocatedBytes());
        }
    }

    @Test
    void shouldAllocateOneBatchWhateverTheNumberOfBatchSizes() {
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = dataset(device, DataType.UINT8, 6);
            long before = device.allocatedBytes();
            DataLoader loader = new DataLoader(device, dataset, 8);
            for (int size = 1; size <= 8; size++) {
                assertEquals(size, loader.batch(size).size());
            }
            assertEquals(before + 8 * (6 + 2) * 4, device.allocatedBytes());
        }
    }

    @Test
    void shouldRefuseWhatLiesOutside() {
        try (Device device = new ReferenceDevice()) {
            DataLoader loader = new DataLoader(device, dataset(device, DataType.UINT8, 6), 8);
            assertThrows(IllegalArgumentException.class, () -> loader.batch(0));
            assertThrows(IllegalArgumentException.class, () -> loader.batch(9));
            DataLoader.Batch batch = loader.batch(2);
            for (int wrong : new int[] {-1, SAMPLES, Integer.MAX_VALUE}) {
                assertThrows(IndexOutOfBoundsException.class,
                        () -> batch.load(new int[] {0, wrong}, 0, device.computeStream()));
            }
            assertThrows(IndexOutOfBoundsException.class,
                    () -> batch.load(new int[] {0, 1, 2}, 2, device.computeStream()));
        }
    }

    private static void checkLoad(Device device, DataLoader.Batch batch, Dataset dataset, int[] indices, int first) {
        batch.load(indices.clone(), first, device.computeStream());
        check(device, batch, dataset, indices, first);
    }

    private static void check(Device device, DataLoader.Batch batch, Dataset dataset, int[] indices, int first) {
        device.computeStream().synchronize();
        double[] features = Buffers.read(batch.features().data());
        double[] labels = Buffers.read(batch.targets());
        int columns = dataset.features().columns();
        assertEquals(batch.size(), batch.features().rows());
        assertEquals(batch.size(), labels.length);
        for (int i = 0; i < batch.size(); i++) {
            int sample = indices[first + i];
            assertEquals(label(sample), labels[i]);
            for (int j = 0; j < columns; j++) {
                assertEquals(value(sample * columns + j) / dataset.divisor(), features[i * columns + j]);
            }
        }
    }

    private static Dataset dataset(Device device, DataType type, int features) {
        return dataset(device, type, features, false);
    }

    private static Dataset dataset(Device device, DataType type, int features, boolean onHost) {
        double[] values = new double[SAMPLES * features];
        Arrays.setAll(values, DataLoaderTest::value);
        int[] labels = new int[SAMPLES];
        Arrays.setAll(labels, DataLoaderTest::label);
        Matrix matrix = Buffers.matrix(device, type, SAMPLES, features, values);
        DeviceBuffer labelBuffer = Buffers.ints(device, labels);
        Targets targets = new Targets.Labels(labelBuffer, label(SAMPLES - 1), SAMPLES - 1);
        return new Dataset("test data", onHost, matrix, targets, type == DataType.UINT8 ? 255 : 1);
    }

    private static float value(int i) {
        return i * 7 % 251;
    }

    private static int label(int sample) {
        return 100 + sample;
    }
}

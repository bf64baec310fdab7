package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.data.DeferredDevice;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import java.util.Arrays;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CrossEntropyLossTest {
    /** Loss of a sample whose label's logit is ln 3 among two zeros, and of one whose label is a zero. */
    private static final double RIGHT = Math.log(5.0 / 3);
    private static final double WRONG = Math.log(5);
    private static final double LN_3 = Math.log(3);

    /** Deferred: a device with memory that the host does not see and work that is put off. */
    enum Backend {
        REFERENCE(ReferenceDevice::new), CPU(() -> new CpuDevice(1)), DEFERRED(DeferredDevice::new);

        private final Supplier<Device> maker;

        Backend(Supplier<Device> maker) {
            this.maker = maker;
        }
    }

    /** Logits without a layer. */
    private record Logits(Matrix output, Matrix outputGradient) implements BoundModule {
        @Override
        public void forward(Stream stream) {
            // The logits are given.
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            // Nothing is behind them.
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldSumOverBatchesUntilReset(Backend backend) {
        try (Device device = backend.maker.get()) {
            Stream stream = device.computeStream();
            CrossEntropyLoss loss = new CrossEntropyLoss(device);
            Matrix logits = Buffers.matrix(device, DataType.FLOAT32, 2, 3, 0, LN_3, 0, 0, 0, LN_3);
            DeviceBuffer labels = Buffers.ints(device, 1, 0);
            Operation both = loss.bind(new Logits(logits, null), labels, logits.rows(), 1);
            Operation first = loss.bind(new Logits(logits.rows(0, 1), null), labels.slice(0, 1), 1, 1);

            both.enqueue(stream);
            assertStatistics(loss, stream, (RIGHT + WRONG) / 2, RIGHT + WRONG, 1, 2);
            first.enqueue(stream);
            assertStatistics(loss, stream, RIGHT, 2 * RIGHT + WRONG, 2, 3);
            loss.reset(stream);
            both.enqueue(stream);
            assertStatistics(loss, stream, (RIGHT + WRONG) / 2, RIGHT + WRONG, 1, 2);
        }
    }

    private static void assertStatistics(CrossEntropyLoss loss, Stream stream, double mean, double sum, int correct,
            int samples) {
        assertEquals(mean, loss.read(stream, LossStatistics.BATCH_MEAN), 1e-6);
        assertEquals(sum, loss.read(stream, LossStatistics.LOSS_SUM), 1e-6);
        assertEquals(correct, loss.read(stream, LossStatistics.CORRECT));
        assertEquals(samples, loss.read(stream, LossStatistics.SAMPLES));
    }

    @Test
    void shouldGiveTheGradientOfTheMeanOverAllRanksBatches() {
        Device device = new ReferenceDevice();
        Matrix logits = Buffers.matrix(device, DataType.FLOAT64, 2, 3, 0, LN_3, 0, 0, 0, LN_3);
        Matrix gradient = Matrix.allocate(device, DataType.FLOAT64, 2, 3);
        CrossEntropyLoss loss = new CrossEntropyLoss(device);
        loss.bind(new Logits(logits, gradient), Buffers.ints(device, 1, 0), 2, 4).enqueue(device.computeStream());
        double[] expected = {0.2 / 8, -0.4 / 8, 0.2 / 8, -0.8 / 8, 0.2 / 8, 0.6 / 8};
        assertArrayEquals(expected, Buffers.read(gradient.data()), 1e-15);
        // The first of three such batches in a step.
        loss.bind(new Logits(logits, gradient), Buffers.ints(device, 1, 0), 6, 4).enqueue(device.computeStream());
        Arrays.setAll(expected, i -> expected[i] / 3);
        assertArrayEquals(expected, Buffers.read(gradient.data()), 1e-15);
    }
}

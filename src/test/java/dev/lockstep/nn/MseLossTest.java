package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Stream;
import dev.lockstep.device.reference.ReferenceDevice;
import org.junit.jupiter.api.Test;

class MseLossTest {
    private final Device device = new ReferenceDevice();

    /** Outputs without a layer. */
    private record Outputs(Matrix output, Matrix outputGradient) implements BoundModule {
        @Override
        public void forward(Stream stream) {
            // The outputs are given.
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            // Nothing is behind them.
        }
    }

    /** Errors of 1, 2, 0 and −3: samples' losses of 2.5 and 4.5. */
    @Test
    void shouldGiveTheMeanAndItsGradientOverAllRanksSteps() {
        Matrix outputs = Buffers.matrix(device, DataType.FLOAT64, 2, 2, 2, 4, 5, 1);
        DeviceBuffer targets = Buffers.of(device, DataType.FLOAT64, 1, 2, 5, 4);
        Matrix gradient = Matrix.allocate(device, DataType.FLOAT64, 2, 2);
        MseLoss loss = new MseLoss(device);
        Stream stream = device.computeStream();
        loss.bind(new Outputs(outputs, gradient), targets, 6, 4).enqueue(stream);
        assertEquals(3.5, loss.read(stream, LossStatistics.BATCH_MEAN));
        assertEquals(7, loss.read(stream, LossStatistics.LOSS_SUM));
        assertEquals(2, loss.read(stream, LossStatistics.SAMPLES));
        assertArrayEquals(new double[] {1.0 / 24, 2.0 / 24, 0, -3.0 / 24}, Buffers.read(gradient.data()), 1e-15);
        loss.reset(stream);
        assertEquals(0, loss.read(stream, LossStatistics.LOSS_SUM));
    }

    @Test
    void shouldRefuseTargetsOfAnotherNumber() {
        Matrix outputs = Buffers.matrix(device, DataType.FLOAT64, 2, 2, 2, 4, 5, 1);
        DeviceBuffer three = Buffers.of(device, DataType.FLOAT64, 1, 2, 5);
        assertThrows(IllegalArgumentException.class,
                () -> new MseLoss(device).bind(new Outputs(outputs, null), three, 2, 1));
    }
}

package dev.lockstep.device.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.LargeOperationsContract;
import dev.lockstep.device.Matrix;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class CpuLargeOperationsTest extends LargeOperationsContract {
    @Override
    protected Device newDevice() {
        return new CpuDevice(3);
    }

    /** The transpose of a single column is a single row: both strides are 1. Small integers, so every sum is exact. */
    @Test
    void shouldComputeTheLargeWeightGradientOfASingleOutput() {
        int batch = 8209;
        int in = 4099;
        try (Device device = newDevice()) {
            Matrix x = Matrix.allocate(device, DataType.FLOAT32, batch, in);
            Matrix yGradient = Matrix.allocate(device, DataType.FLOAT32, batch, 1);
            Matrix weightGradient = Matrix.allocate(device, DataType.FLOAT32, 1, in);
            ByteBuffer xView = x.data().hostView();
            ByteBuffer yView = yGradient.data().hostView();
            long[] expected = new long[in];
            for (int i = 0; i < batch; i++) {
                int y = i % 5 - 1;
                yView.putFloat(i * Float.BYTES, y);
                for (int j = 0; j < in; j++) {
                    int value = (i * 7 + j * 13) % 11 - 4;
                    xView.putFloat((i * in + j) * Float.BYTES, value);
                    expected[j] += (long) y * value;
                }
            }
            device.operations().linearBackwardWeight(x, yGradient, weightGradient, 0, false)
                    .enqueue(device.computeStream());
            for (int j = 0; j < in; j++) {
                assertEquals(expected[j], weightGradient.data().hostView().getFloat(j * Float.BYTES), "column " + j);
            }
        }
    }
}

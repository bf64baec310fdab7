package dev.lockstep.device.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.ClippingContract;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CpuClippingTest extends ClippingContract {
    @Override
    protected Device newDevice() {
        return new CpuDevice(3);
    }

    /** Or ranks with more threads than others would clip otherwise. */
    @Test
    void shouldSumSquaresToTheSameBitsWhateverTheThreads() {
        double[] values = new Random(7).doubles(200_003, -1, 1).toArray();
        assertArrayEquals(sumOfSquares(1, values), sumOfSquares(3, values));
    }

    private static double[] sumOfSquares(int threads, double[] values) {
        try (Device device = new CpuDevice(threads)) {
            DeviceBuffer result = device.allocate(DataType.FLOAT64, 1);
            device.operations().sumOfSquares(Buffers.floats(device, values), result).enqueue(device.computeStream());
            return Buffers.read(result);
        }
    }
}

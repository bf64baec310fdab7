package dev.lockstep.device.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A diverged weight must reach the loss: an activation that turned NaN into a number would hide it. */
class CpuNaNTest {
    @ParameterizedTest
    @EnumSource(names = {"IDENTITY", "RELU", "SIGMOID", "TANH"})
    void shouldCarryNaNThroughALinearLayerAndItsActivation(Activation activation) {
        try (Device device = new CpuDevice(1)) {
            for (int out : new int[] {1, 3, 16, 17, 128}) {
                double[] weights = new double[out * 5];
                Arrays.fill(weights, Double.NaN);
                Matrix x = Buffers.matrix(device, DataType.FLOAT32, 2, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
                Matrix weight = Buffers.matrix(device, DataType.FLOAT32, out, 5, weights);
                Matrix y = Matrix.allocate(device, DataType.FLOAT32, 2, out);
                device.operations().linearForward(x, weight, null, y, activation).enqueue(device.computeStream());
                for (double value : Buffers.read(y.data())) {
                    assertTrue(Double.isNaN(value), activation + " of NaN is " + value);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldCarryNaNThroughEveryActivation(Activation activation) {
        try (Device device = new CpuDevice(1)) {
            double[] values = new double[37];
            Arrays.fill(values, Double.NaN);
            Matrix x = Buffers.matrix(device, DataType.FLOAT32, 1, 37, values);
            Matrix y = Matrix.allocate(device, DataType.FLOAT32, 1, 37);
            device.operations().activationForward(activation, x.data(), y.data()).enqueue(device.computeStream());
            for (double value : Buffers.read(y.data())) {
                assertTrue(Double.isNaN(value), activation + " of NaN is " + value);
            }
        }
    }
}

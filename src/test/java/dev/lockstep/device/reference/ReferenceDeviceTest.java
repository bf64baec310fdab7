package dev.lockstep.device.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.DeviceContract;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.OutOfDeviceMemoryException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceDeviceTest extends DeviceContract {
    private final Device device = new ReferenceDevice();
    private final Operations operations = device.operations();

    @Override
    protected Device newDevice() {
        return new ReferenceDevice();
    }

    @Test
    void shouldRefuseToAllocateOnceClosed() {
        Device closed = new ReferenceDevice();
        closed.close();
        assertThrows(IllegalStateException.class, () -> closed.allocate(DataType.UINT8, 1));
    }

    @Test
    void shouldRefuseBuffersOfTwoGibibytes() {
        assertThrows(OutOfDeviceMemoryException.class, () -> device.allocate(DataType.FLOAT32, 1L << 29));
    }

    @Test
    void shouldRefuseBuffersOfAnotherDevice() {
        DeviceBuffer foreign = newDevice().allocate(DataType.FLOAT32, 3);
        assertThrows(IllegalArgumentException.class, () -> operations.clear(foreign));
    }

    @Test
    void shouldRefuseOutputsThatOverlapInputs() {
        DeviceBuffer whole = device.allocate(DataType.FLOAT32, 100);
        Matrix x = new Matrix(whole.slice(0, 6), 2, 3);
        Matrix weight = new Matrix(whole.slice(6, 12), 4, 3);
        Matrix overlapping = new Matrix(whole.slice(17, 8), 2, 4);
        Matrix adjacent = new Matrix(whole.slice(18, 8), 2, 4);
        assertThrows(IllegalArgumentException.class,
                () -> operations.linearForward(x, weight, null, overlapping, Activation.IDENTITY));
        operations.linearForward(x, weight, null, adjacent, Activation.IDENTITY);
        assertThrows(IllegalArgumentException.class,
                () -> operations.activationForward(Activation.TANH, whole.slice(0, 5), whole.slice(1, 5)));
        operations.activationForward(Activation.TANH, whole.slice(0, 5), whole.slice(0, 5));
    }

    @Test
    void shouldRefuseMixedFloatingPointTypes() {
        assertThrows(IllegalArgumentException.class, () -> operations.activationForward(Activation.TANH,
                device.allocate(DataType.FLOAT32, 3), device.allocate(DataType.FLOAT64, 3)));
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 3, Integer.MIN_VALUE, Integer.MAX_VALUE})
    void shouldRefuseLabelsAndIndicesOutOfRangeWhenItRuns(int index) {
        DeviceBuffer indices = Buffers.ints(device, 0, index);
        DeviceBuffer statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
        Matrix logits = Matrix.allocate(device, DataType.FLOAT32, 2, 3);
        Matrix source = Matrix.allocate(device, DataType.UINT8, 3, 1);
        Matrix destination = Matrix.allocate(device, DataType.FLOAT32, 2, 1);
        refuseWhenRun(operations.crossEntropy(logits, indices, statistics, null, 1), index);
        refuseWhenRun(operations.gatherRows(source, indices, destination, 255), index);
        refuseWhenRun(operations.gatherLabels(Buffers.ints(device, 7, 8, 9), indices,
                device.allocate(DataType.INT32, 2)), index);
    }

    private void refuseWhenRun(Operation operation, int index) {
        String message = assertThrows(IndexOutOfBoundsException.class,
                () -> operation.enqueue(device.computeStream())).getMessage();
        assertEquals(" " + index + ", where there are 3", message.substring(message.indexOf(' ')));
    }
}

package dev.lockstep.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.reference.ReferenceDevice;
import org.junit.jupiter.api.Test;

class WorkspaceTest {
    private final ReferenceDevice device = new ReferenceDevice();
    private final Workspace workspace = new Workspace(device);

    @Test
    void shouldShareTheFirstRowsWithASmallerBinding() {
        Matrix first = workspace.matrix(3, 2);
        Matrix second = workspace.matrix(3, 4);
        Buffers.write(first.data(), 1, 2, 3, 4, 5, 6);
        Buffers.write(second.data(), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
        long allocated = device.allocatedBytes();

        workspace.rewind();
        assertArrayEquals(new double[] {1, 2}, Buffers.read(workspace.matrix(1, 2).data()));
        assertArrayEquals(new double[] {1, 2, 3, 4, 5, 6, 7, 8}, Buffers.read(workspace.matrix(2, 4).data()));
        assertEquals(allocated, device.allocatedBytes());
    }

    @Test
    void shouldGiveEveryMatrixMemoryOfItsOwnUntilItIsRewound() {
        Matrix first = workspace.matrix(2, 2);
        Matrix second = workspace.matrix(2, 2);
        Buffers.write(first.data(), 1, 2, 3, 4);
        Buffers.write(second.data(), 5, 6, 7, 8);
        assertArrayEquals(new double[] {1, 2, 3, 4}, Buffers.read(first.data()));
    }

    @Test
    void shouldRefuseALargerBindingAfterASmallerOne() {
        workspace.matrix(3, 2);
        workspace.matrix(3, 4);
        workspace.rewind();
        workspace.matrix(3, 2);
        String message = assertThrows(IllegalStateException.class, () -> workspace.matrix(4, 4)).getMessage();
        assertTrue(message.contains("buffer 1 of the workspace has 12 elements of FLOAT32, not 16"), message);
    }

    @Test
    void shouldHoldItsDataType() {
        assertEquals(DataType.FLOAT32, workspace.matrix(1, 1).data().type());
        assertEquals(DataType.FLOAT64, new Workspace(device, DataType.FLOAT64).matrix(1, 1).data().type());
    }
}

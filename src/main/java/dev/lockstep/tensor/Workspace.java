package dev.lockstep.tensor;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * Activation memory shared by the bindings of one model to several batch sizes. The first binding, to the largest
 * batch, allocates; a later one asks for the same matrices in the same order and gets the first rows of each.
 */
public final class Workspace {
    private final Device device;
    private final DataType type;
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private int next;

    /** Of the device's compute type. */
    public Workspace(Device device) {
        this(device, device.computeType());
    }

    /** @param type of all matrices: the device's compute type; where it can, FLOAT64 */
    public Workspace(Device device, DataType type) {
        this.device = device;
        this.type = type;
    }

    /** Starts over with the first matrix. */
    public void rewind() {
        next = 0;
    }

    /**
     * A matrix with undefined content.
     *
     * @throws IllegalStateException if the matrix asked for in this place before was smaller
     */
    public Matrix matrix(int rows, int columns) {
        long elements = (long) rows * columns;
        if (next == buffers.size()) {
            buffers.add(device.allocate(type, elements));
        }
        DeviceBuffer buffer = buffers.get(next);
        if (buffer.elementCount() < elements) {
            throw new IllegalStateException("matrix " + next + " of the workspace has " + buffer.elementCount()
                    + " elements, not " + elements + ": bind the largest batch first");
        }
        next++;
        return new Matrix(buffer.slice(0, elements), rows, columns);
    }
}

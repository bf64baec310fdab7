package dev.lockstep.tensor;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * Activation memory shared by the bindings of one model to several batch sizes. The first binding, to the largest
 * batch, allocates; a later one asks for the same in the same order and gets the first rows or elements of each.
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

    /** Starts over with what was asked for first. */
    public void rewind() {
        next = 0;
    }

    /**
     * A matrix with undefined content.
     *
     * @throws IllegalStateException as {@link #buffer}
     */
    public Matrix matrix(int rows, int columns) {
        return new Matrix(buffer(type, (long) rows * columns), rows, columns);
    }

    /**
     * A buffer with undefined content.
     *
     * @throws IllegalStateException if what was asked for in this place before was smaller, or of another type
     */
    public DeviceBuffer buffer(DataType bufferType, long elements) {
        if (next == buffers.size()) {
            buffers.add(device.allocate(bufferType, elements));
        }
        DeviceBuffer buffer = buffers.get(next);
        if (buffer.elementCount() < elements || buffer.type() != bufferType) {
            throw new IllegalStateException("buffer " + next + " of the workspace has " + buffer.elementCount()
                    + " elements of " + buffer.type() + ", not " + elements + " of " + bufferType
                    + ": bind the largest batch first");
        }
        next++;
        return buffer.slice(0, elements);
    }
}

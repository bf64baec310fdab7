package dev.lockstep.optim;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;

/**
 * Numbers that updates read from the device's memory, so that a step's or a schedule's new ones change no operation and no
 * recorded graph. Sent in the compute stream's order: updates that are enqueued before see the old ones.
 */
final class Hyperparameters {
    private final Stream stream;
    private final DeviceBuffer buffer;
    private final ByteBuffer staging;
    /** Behind the last copy: until the stream comes to it, the staging memory is still to be read. */
    private final Event copied;
    private final double[] values;
    private boolean changed = true;

    /** @param type FLOAT32 or FLOAT64 */
    Hyperparameters(Device device, DataType type, int count) {
        stream = device.computeStream();
        buffer = device.allocate(type, count);
        staging = device.allocateHost(Math.toIntExact(buffer.byteCount()));
        copied = device.newEvent();
        values = new double[count];
    }

    /** Where {@code count} of them lie from {@code first} on. */
    DeviceBuffer slice(int first, int count) {
        return buffer.slice(first, count);
    }

    void put(int index, double value) {
        changed |= values[index] != value;
        values[index] = value;
    }

    /** Enqueues the numbers' way to the device, if any is another than when this was last called. */
    void send() {
        if (!changed) {
            return;
        }
        changed = false;
        copied.synchronize();
        staging.clear();
        for (double value : values) {
            if (buffer.type() == DataType.FLOAT64) {
                staging.putDouble(value);
            } else {
                staging.putFloat((float) value);
            }
        }
        buffer.copyFromHost(staging.flip(), stream);
        copied.record(stream);
    }
}

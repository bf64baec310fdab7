package dev.lockstep.tensor;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The buffers of a model, each in memory of its own: a few numbers a feature of the layers that have any. */
public final class ModelBuffers {
    /** One of them. */
    public record Buffer(BufferShape shape, DeviceBuffer values) {
    }

    private final Map<String, Buffer> byName = new LinkedHashMap<>();

    /** As they begin. */
    public ModelBuffers(Device device, List<BufferShape> shapes) {
        this(device, DataType.FLOAT32, shapes);
    }

    /**
     * @param floatType of those that are FLOAT32; where the device computes in it, FLOAT64
     * @param shapes    in model order, names unique
     */
    public ModelBuffers(Device device, DataType floatType, List<BufferShape> shapes) {
        for (BufferShape shape : shapes) {
            DataType type = shape.type() == DataType.FLOAT32 ? floatType : shape.type();
            Buffer buffer = new Buffer(shape, device.allocate(type, shape.elementCount()));
            if (byName.put(shape.name(), buffer) != null) {
                throw new IllegalArgumentException("two buffers named " + shape.name());
            }
            fill(buffer.values, shape.initialValue());
        }
    }

    /** Overwrites all elements of {@code target} (FLOAT32, FLOAT64 or INT64). */
    public static void fill(DeviceBuffer target, double value) {
        ByteBuffer host = ByteBuffer.allocateDirect(Math.toIntExact(target.byteCount())).order(ByteOrder.nativeOrder());
        while (host.hasRemaining()) {
            switch (target.type()) {
                case FLOAT32 -> host.putFloat((float) value);
                case FLOAT64 -> host.putDouble(value);
                case INT64 -> host.putLong((long) value);
                default -> throw new IllegalArgumentException("a buffer of " + target.type());
            }
        }
        target.copyFromHost(host.flip());
    }

    /** As the model declares them: PyTorch's order of buffers(). */
    public List<Buffer> modelOrder() {
        return List.copyOf(byName.values());
    }

    /** @throws IllegalArgumentException if there is none of that name */
    public DeviceBuffer values(String name) {
        Buffer buffer = byName.get(name);
        if (buffer == null) {
            throw new IllegalArgumentException("no buffer " + name);
        }
        return buffer.values;
    }
}

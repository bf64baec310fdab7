package dev.lockstep.device.reference;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/** Host memory whose elements are read and written as doubles, which hold the values of every type. */
final class ReferenceBuffer implements DeviceBuffer {
    private final Allocation allocation;
    private final DataType type;
    private final long firstByte;
    private final ByteBuffer bytes;

    /** One allocated block, the memory of a buffer and of all its slices. */
    private record Allocation(ReferenceDevice device, ByteBuffer bytes) {
    }

    ReferenceBuffer(ReferenceDevice device, DataType type, ByteBuffer bytes) {
        this(new Allocation(device, bytes), type, 0, bytes.capacity());
    }

    private ReferenceBuffer(Allocation allocation, DataType type, int firstByte, int byteCount) {
        this.allocation = allocation;
        this.type = type;
        this.firstByte = firstByte;
        this.bytes = allocation.bytes.slice(firstByte, byteCount).order(ByteOrder.nativeOrder());
    }

    ReferenceDevice device() {
        return allocation.device;
    }

    /** Whether both have a byte of memory in common. */
    boolean overlaps(ReferenceBuffer other) {
        return allocation == other.allocation && firstByte < other.firstByte + other.byteCount()
                && other.firstByte < firstByte + byteCount();
    }

    /** Whether both are the same elements of the same memory. */
    boolean isSameMemory(ReferenceBuffer other) {
        return allocation == other.allocation && firstByte == other.firstByte && byteCount() == other.byteCount();
    }

    double get(int element) {
        return switch (type) {
            case FLOAT32 -> bytes.getFloat(element * Float.BYTES);
            case FLOAT64 -> bytes.getDouble(element * Double.BYTES);
            case BFLOAT16 -> Float.intBitsToFloat(bytes.getShort(element * Short.BYTES) << Short.SIZE);
            case INT32 -> bytes.getInt(element * Integer.BYTES);
            case INT64 -> bytes.getLong(element * Long.BYTES);
            case UINT8 -> Byte.toUnsignedInt(bytes.get(element));
        };
    }

    int getInt(int element) {
        return bytes.getInt(element * Integer.BYTES);
    }

    /** Rounds {@code value} to this buffer's type, which is one of floating point. */
    void set(int element, double value) {
        if (type == DataType.FLOAT32) {
            bytes.putFloat(element * Float.BYTES, (float) value);
        } else {
            bytes.putDouble(element * Double.BYTES, value);
        }
    }

    void setInt(int element, int value) {
        bytes.putInt(element * Integer.BYTES, value);
    }

    long getLong(int element) {
        return bytes.getLong(element * Long.BYTES);
    }

    void setLong(int element, long value) {
        bytes.putLong(element * Long.BYTES, value);
    }

    void clear() {
        for (int i = 0; i < bytes.capacity(); i++) {
            bytes.put(i, (byte) 0);
        }
    }

    @Override
    public DataType type() {
        return type;
    }

    @Override
    public long elementCount() {
        return bytes.capacity() / type.bytes();
    }

    @Override
    public ReferenceBuffer slice(long firstElement, long elementCount) {
        Objects.checkFromIndexSize(firstElement, elementCount, elementCount());
        return new ReferenceBuffer(allocation, type, Math.toIntExact(firstByte + firstElement * type.bytes()),
                Math.toIntExact(elementCount * type.bytes()));
    }

    @Override
    public boolean isHostAccessible() {
        return true;
    }

    @Override
    public ByteBuffer hostView() {
        return bytes.duplicate().order(ByteOrder.nativeOrder());
    }

    @Override
    public void copyFromHost(ByteBuffer source) {
        requireSameSize(source);
        bytes.put(0, source, source.position(), source.remaining());
        source.position(source.limit());
    }

    @Override
    public void copyToHost(ByteBuffer destination) {
        requireSameSize(destination);
        destination.put(destination.position(), bytes, 0, bytes.capacity());
        destination.position(destination.limit());
    }

    private void requireSameSize(ByteBuffer host) {
        if (host.remaining() != bytes.capacity()) {
            throw new IllegalArgumentException("a copy between " + host.remaining() + " bytes of the host and a buffer of "
                    + bytes.capacity());
        }
    }
}

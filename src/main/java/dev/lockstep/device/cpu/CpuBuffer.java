package dev.lockstep.device.cpu;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/** Native memory at a fixed address. */
final class CpuBuffer implements DeviceBuffer {
    private final long address;
    private final DataType type;
    private final long elementCount;
    private ByteBuffer view;

    CpuBuffer(long address, DataType type, long elementCount) {
        this.address = address;
        this.type = type;
        this.elementCount = elementCount;
    }

    /** The address behind {@code buffer}, which must be of this backend. */
    static long address(DeviceBuffer buffer) {
        if (buffer instanceof CpuBuffer cpu) {
            return cpu.address;
        }
        throw new IllegalArgumentException("a buffer of another device: " + buffer.getClass().getSimpleName());
    }

    @Override
    public DataType type() {
        return type;
    }

    @Override
    public long elementCount() {
        return elementCount;
    }

    @Override
    public DeviceBuffer slice(long firstElement, long count) {
        Objects.checkFromIndexSize(firstElement, count, elementCount);
        return new CpuBuffer(address + firstElement * type.bytes(), type, count);
    }

    @Override
    public boolean isHostAccessible() {
        return true;
    }

    @Override
    public ByteBuffer hostView() {
        if (view == null) {
            if (byteCount() > Integer.MAX_VALUE) {
                throw new IllegalStateException("a view of " + byteCount() + " bytes, more than 2 GiB");
            }
            view = CpuKernels.view(address, byteCount()).order(ByteOrder.nativeOrder());
        }
        return view;
    }

    @Override
    public void copyFromHost(ByteBuffer source) {
        checkSize(source);
        ByteBuffer view = hostView();
        view.put(0, source, source.position(), source.remaining());
        source.position(source.limit());
    }

    @Override
    public void copyToHost(ByteBuffer destination) {
        checkSize(destination);
        destination.put(hostView().duplicate().clear());
    }

    private void checkSize(ByteBuffer host) {
        if (host.remaining() != byteCount()) {
            throw new IllegalArgumentException(
                    host.remaining() + " bytes on the host for a buffer of " + byteCount());
        }
    }
}

package dev.lockstep.device.cuda;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Objects;

/** Memory of a GPU. */
final class CudaBuffer implements DeviceBuffer {
    private final CudaDevice device;
    private final Address address;
    private final DataType type;
    private final long elementCount;

    CudaBuffer(CudaDevice device, long address, DataType type, long elementCount) {
        this.device = device;
        this.address = new Address(address);
        this.type = type;
        this.elementCount = elementCount;
    }

    /** The address on the GPU behind {@code buffer}, which must be of this backend. */
    static long address(DeviceBuffer buffer) {
        if (buffer instanceof CudaBuffer cuda) {
            return cuda.address.address();
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
        return new CudaBuffer(device, address.address() + firstElement * type.bytes(), type, count);
    }

    @Override
    public boolean isHostAccessible() {
        return false;
    }

    @Override
    public ByteBuffer hostView() {
        throw new IllegalStateException("the host cannot read the GPU's memory; copy it");
    }

    @Override
    public void copyFromHost(ByteBuffer source) {
        checkSize(source);
        if (source.isDirect()) {
            CudaStream stream = device.computeStream();
            stream.copyToDevice(address, Address.of(source), source.remaining());
            stream.synchronize();
            source.position(source.limit());
        } else {
            device.staging().send(source, address.address());
        }
    }

    @Override
    public void copyToHost(ByteBuffer destination) {
        checkDestination(destination);
        if (destination.isDirect()) {
            CudaStream stream = device.computeStream();
            stream.copyToHost(Address.of(destination), address, destination.remaining());
            stream.synchronize();
            destination.position(destination.limit());
        } else {
            device.staging().receive(address.address(), destination);
        }
    }

    @Override
    public void copyFromHost(ByteBuffer source, Stream stream) {
        checkSize(source);
        long from = device.pinnedMemory().address(source);
        CudaStream.of(stream).copyToDevice(address, from, source.remaining());
        source.position(source.limit());
    }

    @Override
    public void copyToHost(ByteBuffer destination, Stream stream) {
        checkDestination(destination);
        long to = device.pinnedMemory().address(destination);
        CudaStream.of(stream).copyToHost(to, address, destination.remaining());
        destination.position(destination.limit());
    }

    private void checkDestination(ByteBuffer host) {
        // CUDA would write there all the same.
        if (host.isReadOnly()) {
            throw new ReadOnlyBufferException();
        }
        checkSize(host);
    }

    private void checkSize(ByteBuffer host) {
        if (host.remaining() != byteCount()) {
            throw new IllegalArgumentException(
                    host.remaining() + " bytes on the host for a buffer of " + byteCount());
        }
    }
}

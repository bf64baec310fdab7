package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaMemcpyDeviceToHost;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyHostToDevice;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyHostToHost;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.Objects;

/** Memory of a GPU, or page-locked memory of the host that it reads. */
final class CudaBuffer implements DeviceBuffer {
    private final CudaDevice device;
    private final Address address;
    private final DataType type;
    private final long elementCount;
    private final boolean onHost;

    /** @param address that kernels see */
    CudaBuffer(CudaDevice device, long address, DataType type, long elementCount, boolean onHost) {
        this.onHost = onHost;
        this.device = device;
        this.address = new Address(address);
        this.type = type;
        this.elementCount = elementCount;
    }

    /** The address that kernels see, of {@code buffer}, which must be of this backend. */
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
        return new CudaBuffer(device, address.address() + firstElement * type.bytes(), type, count, onHost);
    }

    @Override
    public boolean isHostAccessible() {
        return false;
    }

    @Override
    public ByteBuffer hostView() {
        throw new IllegalStateException("work that is enqueued on the GPU may still write there; copy it");
    }

    @Override
    public void copyFromHost(ByteBuffer source) {
        checkSize(source);
        if (source.isDirect()) {
            CudaStream stream = device.computeStream();
            stream.copyFromHost(Address.of(source), address, source.remaining(), fromHost());
            stream.synchronize();
            source.position(source.limit());
        } else {
            device.staging().send(source, address.address(), fromHost());
        }
    }

    @Override
    public void copyToHost(ByteBuffer destination) {
        checkDestination(destination);
        if (destination.isDirect()) {
            CudaStream stream = device.computeStream();
            stream.copyToHost(address, Address.of(destination), destination.remaining(), toHost());
            stream.synchronize();
            destination.position(destination.limit());
        } else {
            device.staging().receive(address.address(), destination, toHost());
        }
    }

    @Override
    public void copyFromHost(ByteBuffer source, Stream stream) {
        checkSize(source);
        long from = device.pinnedMemory().address(source);
        CudaStream.of(stream).copyFromHost(from, address, source.remaining(), fromHost());
        source.position(source.limit());
    }

    @Override
    public void copyToHost(ByteBuffer destination, Stream stream) {
        checkDestination(destination);
        long to = device.pinnedMemory().address(destination);
        CudaStream.of(stream).copyToHost(address, to, destination.remaining(), toHost());
        destination.position(destination.limit());
    }

    private int fromHost() {
        return onHost ? cudaMemcpyHostToHost : cudaMemcpyHostToDevice;
    }

    private int toHost() {
        return onHost ? cudaMemcpyHostToHost : cudaMemcpyDeviceToHost;
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

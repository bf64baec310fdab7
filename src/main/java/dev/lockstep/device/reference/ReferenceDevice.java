package dev.lockstep.device.reference;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Operations;
import dev.lockstep.device.OutOfDeviceMemoryException;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The oracle: every operation spelled out in plain Java on host memory, done when enqueue returns. It computes in
 * double, whatever the buffers hold, and refuses what the contract forbids, overlapping memory included.
 */
public final class ReferenceDevice implements Device {
    private final Stream stream = new SynchronousStream();
    private final Operations operations = new ReferenceOperations(this);
    private long allocatedBytes;
    private boolean closed;

    @Override
    public String description() {
        return "reference (plain Java, in double precision)";
    }

    @Override
    public DeviceBuffer allocate(DataType type, long elementCount) {
        if (closed) {
            throw new IllegalStateException("the device is closed");
        }
        if (elementCount < 1) {
            throw new IllegalArgumentException("a buffer of " + elementCount + " elements");
        }
        if (elementCount > Integer.MAX_VALUE / type.bytes()) {
            throw new OutOfDeviceMemoryException(elementCount + " elements of " + type
                    + " asked for; a buffer of the reference device holds less than 2 GiB");
        }
        int byteCount = (int) elementCount * type.bytes();
        try {
            ReferenceBuffer buffer = new ReferenceBuffer(this, type, ByteBuffer.allocateDirect(byteCount));
            allocatedBytes += byteCount;
            return buffer;
        } catch (OutOfMemoryError error) {
            throw new OutOfDeviceMemoryException(byteCount + " bytes asked for, with " + allocatedBytes
                    + " allocated already: " + error.getMessage());
        }
    }

    @Override
    public ByteBuffer allocateHost(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public Stream computeStream() {
        return stream;
    }

    @Override
    public Stream newStream() {
        return new SynchronousStream();
    }

    @Override
    public Event newEvent() {
        return new VisibilityEvent();
    }

    @Override
    public Operations operations() {
        return operations;
    }

    @Override
    public long allocatedBytes() {
        return allocatedBytes;
    }

    /** The memory itself goes when nothing refers to its buffers any more. */
    @Override
    public void close() {
        closed = true;
    }

    private static final class SynchronousStream implements Stream {
        @Override
        public void synchronize() {
            // Work is done when enqueue returns.
        }

        @Override
        public void waitFor(Event event) {
            event.synchronize();
        }
    }

    /** Nothing is ever left to wait for; but what was written before the record must be seen by the waiting thread. */
    private static final class VisibilityEvent implements Event {
        private final AtomicBoolean recorded = new AtomicBoolean();

        @Override
        public void record(Stream stream) {
            recorded.set(true);
        }

        @Override
        public void synchronize() {
            recorded.get();
        }
    }
}

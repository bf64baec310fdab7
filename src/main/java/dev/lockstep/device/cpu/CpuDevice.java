package dev.lockstep.device.cpu;

import static org.bytedeco.dnnl.global.dnnl.get_effective_cpu_isa;
import static org.bytedeco.dnnl.global.dnnl.version;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Operations;
import dev.lockstep.device.OutOfDeviceMemoryException;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl.cpu_isa;

/**
 * The CPU cores of a rank. An operation is done when enqueue returns. To be made and used by one thread: the number of
 * OpenMP threads belongs to it.
 */
public final class CpuDevice implements Device {
    private static final Stream STREAM = new Stream() {
        @Override
        public void synchronize() {
            // Nothing is ever pending.
        }

        @Override
        public void waitFor(Event event) {
            // What the event stands for is done.
        }
    };

    private static final Event EVENT = new Event() {
        @Override
        public void record(Stream stream) {
            // Everything enqueued is done already.
        }

        @Override
        public void synchronize() {
            // As above.
        }
    };

    private record Allocation(long address, long bytes) {
    }

    private final int threads;
    private final CpuOperations operations;
    private final List<Allocation> allocations = new ArrayList<>();
    /** What gives back the memory of others. */
    private final List<Runnable> registered = new ArrayList<>();
    private long allocatedBytes;

    /** @param threads OpenMP threads that compute, at least 1 */
    public CpuDevice(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a CPU device of " + threads + " threads");
        }
        this.threads = threads;
        // oneDNN brings the OpenMP runtime; loaded first, it serves the kernels, too, and no second one is loaded.
        engine cpu = new engine(engine.kind.cpu, 0);
        CpuKernels.setThreads(threads);
        operations = new CpuOperations(this, new OneDnn(cpu));
    }

    @Override
    public String description() {
        dnnl_version_t v = version();
        return "CPU (oneDNN " + v.major() + "." + v.minor() + "." + v.patch() + ", " + instructionSet() + ", "
                + threads + (threads == 1 ? " thread)" : " threads)");
    }

    private static String instructionSet() {
        cpu_isa isa = get_effective_cpu_isa().intern();
        return isa == null ? "unknown instruction set" : isa.name().replace("cpu_isa_", "").replace('_', ' ');
    }

    @Override
    public DeviceBuffer allocate(DataType type, long elementCount) {
        if (elementCount < 1) {
            throw new IllegalArgumentException("a buffer of " + elementCount + " elements");
        }
        long bytes = Math.multiplyExact(elementCount, type.bytes());
        long address = CpuKernels.allocate(bytes);
        if (address == 0) {
            throw new OutOfDeviceMemoryException("not enough memory: " + bytes + " bytes more were asked for"
                    + " beside the " + allocatedBytes + " in use; make the model or the batch smaller");
        }
        allocations.add(new Allocation(address, bytes));
        allocatedBytes += bytes;
        return new CpuBuffer(address, type, elementCount);
    }

    @Override
    public boolean takesHostMemory() {
        return true;
    }

    @Override
    public Optional<DeviceBuffer> register(long address, long bytes, Runnable giveBack) {
        registered.add(giveBack);
        allocatedBytes += bytes;
        return Optional.of(new CpuBuffer(address, DataType.FLOAT32, bytes / DataType.FLOAT32.bytes()));
    }

    @Override
    public ByteBuffer allocateHost(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public Stream computeStream() {
        return STREAM;
    }

    @Override
    public Stream newStream() {
        return STREAM;
    }

    @Override
    public Event newEvent() {
        return EVENT;
    }

    @Override
    public Operations operations() {
        return operations;
    }

    @Override
    public long allocatedBytes() {
        return allocatedBytes;
    }

    @Override
    public void close() {
        for (Allocation allocation : allocations) {
            CpuKernels.free(allocation.address(), allocation.bytes());
        }
        allocations.clear();
        registered.forEach(Runnable::run);
        registered.clear();
        allocatedBytes = 0;
    }
}

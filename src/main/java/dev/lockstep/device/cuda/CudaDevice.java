package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaDeviceSynchronize;
import static org.bytedeco.cuda.global.cudart.cudaErrorMemoryAllocation;
import static org.bytedeco.cuda.global.cudart.cudaFree;
import static org.bytedeco.cuda.global.cudart.cudaGetLastError;
import static org.bytedeco.cuda.global.cudart.cudaHostGetDevicePointer;
import static org.bytedeco.cuda.global.cudart.cudaMalloc;
import static org.bytedeco.cuda.global.cudart.cudaMemGetInfo;
import static org.bytedeco.cuda.global.cudart.cudaMemsetAsync;
import static org.bytedeco.cuda.global.cudart.cudaSuccess;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.OutOfDeviceMemoryException;
import dev.lockstep.device.Timestamp;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.IntSupplier;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * A GPU. Allocating, capturing graphs and enqueueing on the compute stream are for one thread at a time; another stream
 * and events may be used by another thread meanwhile.
 */
public final class CudaDevice implements Device {
    /** That the matrix products scribble on, taken when the device is opened. */
    public static final long WORKSPACE_BYTES = 32L << 20;

    private final CudaDeviceInfo info;
    private final String label;
    private final CudaVersions versions;
    private final MatmulPrecision precision;
    /** What gives back, last taken first, and returns CUDA's status. */
    private final Deque<IntSupplier> handles = new ArrayDeque<>();
    private final Deque<IntSupplier> memory = new ArrayDeque<>();
    private final PinnedMemory pinnedMemory = new PinnedMemory();
    /** What gives back the memory of others. */
    private final List<Runnable> registered = new ArrayList<>();
    private final CudaStream computeStream;
    private final Operations operations;
    private Staging staging;
    private CudaClock clock;
    private long allocatedBytes;
    private boolean closed;

    /** CUDA's libraries must be loaded; see {@link CudaDevices#open}. */
    CudaDevice(CudaDeviceInfo info, CudaVersions versions, MatmulPrecision precision) {
        this.info = info;
        label = info.label();
        this.versions = versions;
        this.precision = precision;
        try {
            computeStream = newStream();
            operations = new CudaOperations(this);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    @Override
    public String description() {
        return info.name() + " (CUDA " + versions.runtime() + ", driver " + versions.driver() + ", cuBLASLt "
                + versions.cublasLt() + ", sm_" + info.computeCapability() + ")";
    }

    public CudaDeviceInfo info() {
        return info;
    }

    MatmulPrecision precision() {
        return precision;
    }

    /** Ten times major plus minor: 90. */
    int computeCapability() {
        return info.computeCapability();
    }

    int multiprocessors() {
        return info.multiprocessors();
    }

    /** To come first in whatever calls CUDA: its calls go to the GPU that the calling thread has chosen. */
    void makeCurrent() {
        Cuda.makeCurrent(info.ordinal(), label);
    }

    @Override
    public DataType computeType() {
        return precision == MatmulPrecision.BF16 ? DataType.BFLOAT16 : DataType.FLOAT32;
    }

    @Override
    public DeviceBuffer allocate(DataType type, long elementCount) {
        checkOpen();
        long bytes = bytes(type, elementCount);
        makeCurrent();
        Address address = new Address(0);
        int status = cudaMalloc(address, bytes);
        if (status == cudaErrorMemoryAllocation) {
            cudaGetLastError();
            throw outOfMemory(bytes);
        }
        Cuda.check(status, "cudaMalloc", bytes);
        memory.push(() -> cudaFree(address));
        allocatedBytes += bytes;
        Cuda.check(cudaMemsetAsync(address, 0, bytes, computeStream.handle()), "cudaMemsetAsync", bytes);
        // Other streams may use it at once.
        computeStream.synchronize();
        return new CudaBuffer(this, address.address(), type, elementCount, false);
    }

    /** Page-locked, so that the GPU reaches it. */
    @Override
    public DeviceBuffer allocateOnHost(DataType type, long elementCount) {
        checkOpen();
        long bytes = bytes(type, elementCount);
        makeCurrent();
        Address onGpu = new Address(0);
        Cuda.check(cudaHostGetDevicePointer(onGpu, new Address(pinnedMemory.allocateAddress(bytes)), 0),
                "cudaHostGetDevicePointer");
        return new CudaBuffer(this, onGpu.address(), type, elementCount, true);
    }

    private static long bytes(DataType type, long elementCount) {
        if (elementCount < 1) {
            throw new IllegalArgumentException("a buffer of " + elementCount + " elements");
        }
        return Math.multiplyExact(elementCount, type.bytes());
    }

    private OutOfDeviceMemoryException outOfMemory(long bytes) {
        return new OutOfDeviceMemoryException("not enough memory on " + label + ": " + CudaMemory.size(bytes)
                + " were asked for, and " + memory() + ", beside the " + CudaMemory.size(allocatedBytes)
                + " of this rank; make the model or the batch smaller");
    }

    /** What all processes together have left of the GPU's memory. */
    public CudaMemory memory() {
        makeCurrent();
        return measureMemory();
    }

    /** Of the calling thread's GPU. */
    static CudaMemory measureMemory() {
        try (SizeTPointer free = new SizeTPointer(1); SizeTPointer total = new SizeTPointer(1)) {
            Cuda.check(cudaMemGetInfo(free, total), "cudaMemGetInfo");
            return new CudaMemory(free.get(), total.get());
        }
    }

    @Override
    public boolean takesHostMemory() {
        return true;
    }

    /** {@inheritDoc} Copies go from and to it. */
    @Override
    public Optional<DeviceBuffer> register(long address, long bytes, Runnable giveBack) {
        checkOpen();
        makeCurrent();
        pinnedMemory.register(address, bytes);
        registered.add(giveBack);
        return Optional.empty();
    }

    @Override
    public ByteBuffer allocateHost(int bytes) {
        checkOpen();
        makeCurrent();
        return pinnedMemory.allocate(bytes);
    }

    @Override
    public CudaStream computeStream() {
        return computeStream;
    }

    @Override
    public CudaStream newStream() {
        checkOpen();
        CudaStream stream = new CudaStream(this);
        handles.push(stream::destroy);
        return stream;
    }

    @Override
    public Event newEvent() {
        checkOpen();
        CudaEvent event = new CudaEvent(this);
        handles.push(event::destroy);
        return event;
    }

    @Override
    public Timestamp newTimestamp() {
        return newCudaTimestamp();
    }

    private CudaTimestamp newCudaTimestamp() {
        checkOpen();
        CudaTimestamp timestamp = new CudaTimestamp(this);
        handles.push(timestamp::destroy);
        return timestamp;
    }

    CudaClock clock() {
        if (clock == null) {
            clock = new CudaClock(computeStream, newCudaTimestamp());
        }
        return clock;
    }

    @Override
    public void synchronizeClock() {
        clock().synchronize();
    }

    @Override
    public Operation graph(Operation work) {
        checkOpen();
        CudaGraph graph = new CudaGraph(this, work);
        handles.push(graph::destroy);
        return graph;
    }

    @Override
    public Operations operations() {
        return operations;
    }

    @Override
    public long allocatedBytes() {
        return allocatedBytes;
    }

    PinnedMemory pinnedMemory() {
        return pinnedMemory;
    }

    synchronized Staging staging() {
        if (staging == null) {
            makeCurrent();
            staging = new Staging(computeStream, pinnedMemory);
        }
        return staging;
    }

    /** Has {@code release}, which returns CUDA's status, called by {@link #close}, before what it was made with goes. */
    void onClose(IntSupplier release) {
        handles.push(release);
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the device is closed");
        }
    }

    /** Waits for what was enqueued, then frees all; a failure is reported on standard error. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            makeCurrent();
            int status = cudaDeviceSynchronize();
            status = release(handles, status);
            status = pinnedMemory.free(status);
            status = release(memory, status);
            allocatedBytes = 0;
            Cuda.check(status, "closing it");
        } catch (CudaException e) {
            System.err.println("lockstep: " + e.getMessage());
        }
        registered.forEach(Runnable::run);
    }

    /** @return {@code status}, if that is a failure, else the first failure, if any */
    private static int release(Deque<IntSupplier> releases, int status) {
        int first = status;
        for (IntSupplier release : releases) {
            int own = release.getAsInt();
            first = first == cudaSuccess ? own : first;
        }
        releases.clear();
        return first;
    }
}

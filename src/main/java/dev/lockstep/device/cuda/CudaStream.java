package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaEventRecord;
import static org.bytedeco.cuda.global.cudart.cudaEventRecordExternal;
import static org.bytedeco.cuda.global.cudart.cudaEventRecordWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaMemcpyAsync;
import static org.bytedeco.cuda.global.cudart.cudaStreamCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaStreamDestroy;
import static org.bytedeco.cuda.global.cudart.cudaStreamNonBlocking;
import static org.bytedeco.cuda.global.cudart.cudaStreamSynchronize;
import static org.bytedeco.cuda.global.cudart.cudaStreamWaitEvent;

import dev.lockstep.device.Event;
import dev.lockstep.device.Stream;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;

/** A CUDA stream that other streams do not wait for. One thread at a time enqueues on it. */
final class CudaStream implements Stream {
    private final CudaDevice device;
    private final CUstream_st handle = new CUstream_st();
    /** The host's side of a copy. */
    private final Address host = new Address(0);
    private boolean capturing;

    CudaStream(CudaDevice device) {
        this.device = device;
        device.makeCurrent();
        Cuda.check(cudaStreamCreateWithFlags(handle, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    }

    /** {@code stream}, which must be of this backend. */
    static CudaStream of(Stream stream) {
        if (stream instanceof CudaStream cuda) {
            return cuda;
        }
        throw new IllegalArgumentException("a stream of another device: " + stream.getClass().getSimpleName());
    }

    CUstream_st handle() {
        return handle;
    }

    /** Whether what is enqueued now becomes part of a graph instead of running. */
    boolean isCapturing() {
        return capturing;
    }

    void setCapturing(boolean capturing) {
        this.capturing = capturing;
    }

    /** In a graph: records anew each time that the graph runs, for those that wait outside of it. */
    void record(CUevent_st event) {
        device.makeCurrent();
        if (capturing) {
            Cuda.check(cudaEventRecordWithFlags(event, handle, cudaEventRecordExternal), "cudaEventRecordWithFlags");
        } else {
            Cuda.check(cudaEventRecord(event, handle), "cudaEventRecord");
        }
    }

    @Override
    public void synchronize() {
        device.makeCurrent();
        Cuda.check(cudaStreamSynchronize(handle), "cudaStreamSynchronize");
    }

    @Override
    public void waitFor(Event event) {
        if (capturing) {
            throw new IllegalStateException("a graph cannot wait for an event: wait before it is enqueued");
        }
        device.makeCurrent();
        Cuda.check(cudaStreamWaitEvent(handle, CudaEvent.of(event).handle(), 0), "cudaStreamWaitEvent");
    }

    /**
     * Enqueues a copy.
     *
     * @param hostAddress of memory that stays as it is until the copy is done
     * @param kind        cudaMemcpyHostToDevice, or cudaMemcpyHostToHost for a buffer on the host's side
     */
    void copyFromHost(long hostAddress, Address buffer, long bytes, int kind) {
        device.makeCurrent();
        Cuda.check(cudaMemcpyAsync(buffer, host.set(hostAddress), bytes, kind, handle), "cudaMemcpyAsync to the GPU",
                bytes);
    }

    /** As above, with cudaMemcpyDeviceToHost. */
    void copyToHost(Address buffer, long hostAddress, long bytes, int kind) {
        device.makeCurrent();
        Cuda.check(cudaMemcpyAsync(host.set(hostAddress), buffer, bytes, kind, handle),
                "cudaMemcpyAsync from the GPU", bytes);
    }

    /** @return CUDA's status */
    int destroy() {
        return cudaStreamDestroy(handle);
    }
}

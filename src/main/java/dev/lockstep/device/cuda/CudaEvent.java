package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaEventCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaEventDestroy;
import static org.bytedeco.cuda.global.cudart.cudaEventDisableTiming;
import static org.bytedeco.cuda.global.cudart.cudaEventRecord;
import static org.bytedeco.cuda.global.cudart.cudaEventRecordExternal;
import static org.bytedeco.cuda.global.cudart.cudaEventRecordWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaEventSynchronize;

import dev.lockstep.device.Event;
import dev.lockstep.device.Stream;
import org.bytedeco.cuda.cudart.CUevent_st;

/** A CUDA event without a time. */
final class CudaEvent implements Event {
    private final CudaDevice device;
    private final CUevent_st handle = new CUevent_st();

    CudaEvent(CudaDevice device) {
        this.device = device;
        device.makeCurrent();
        Cuda.check(cudaEventCreateWithFlags(handle, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    }

    /** {@code event}, which must be of this backend. */
    static CudaEvent of(Event event) {
        if (event instanceof CudaEvent cuda) {
            return cuda;
        }
        throw new IllegalArgumentException("an event of another device: " + event.getClass().getSimpleName());
    }

    CUevent_st handle() {
        return handle;
    }

    /** In a graph: records anew each time that the graph runs, for those that wait outside of it. */
    @Override
    public void record(Stream stream) {
        CudaStream cuda = CudaStream.of(stream);
        device.makeCurrent();
        if (cuda.isCapturing()) {
            Cuda.check(cudaEventRecordWithFlags(handle, cuda.handle(), cudaEventRecordExternal),
                    "cudaEventRecordWithFlags");
        } else {
            Cuda.check(cudaEventRecord(handle, cuda.handle()), "cudaEventRecord");
        }
    }

    @Override
    public void synchronize() {
        device.makeCurrent();
        Cuda.check(cudaEventSynchronize(handle), "cudaEventSynchronize");
    }

    /** @return CUDA's status */
    int destroy() {
        return cudaEventDestroy(handle);
    }
}

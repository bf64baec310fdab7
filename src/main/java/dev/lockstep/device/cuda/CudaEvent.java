package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaEventCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaEventDestroy;
import static org.bytedeco.cuda.global.cudart.cudaEventDisableTiming;
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

    @Override
    public void record(Stream stream) {
        CudaStream.of(stream).record(handle);
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

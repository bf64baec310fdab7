package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cudaEventCreateWithFlags;
import static org.bytedeco.cuda.global.cudart.cudaEventDefault;
import static org.bytedeco.cuda.global.cudart.cudaEventDestroy;
import static org.bytedeco.cuda.global.cudart.cudaEventElapsedTime;

import dev.lockstep.device.Stream;
import dev.lockstep.device.Timestamp;
import org.bytedeco.cuda.cudart.CUevent_st;

/** A CUDA event with a time, read against that of the device's clock. */
final class CudaTimestamp implements Timestamp {
    private final CudaDevice device;
    private final CUevent_st handle = new CUevent_st();
    private final float[] milliseconds = new float[1];

    CudaTimestamp(CudaDevice device) {
        this.device = device;
        device.makeCurrent();
        Cuda.check(cudaEventCreateWithFlags(handle, cudaEventDefault), "cudaEventCreateWithFlags");
    }

    @Override
    public void record(Stream stream) {
        CudaStream.of(stream).record(handle);
    }

    @Override
    public long nanos() {
        return device.clock().nanosAt(this);
    }

    /** Since {@code earlier}; exact to some half a microsecond. Both must have been reached. */
    double millisecondsSince(CudaTimestamp earlier) {
        device.makeCurrent();
        Cuda.check(cudaEventElapsedTime(milliseconds, earlier.handle, handle), "cudaEventElapsedTime");
        return milliseconds[0];
    }

    /** @return CUDA's status */
    int destroy() {
        return cudaEventDestroy(handle);
    }
}

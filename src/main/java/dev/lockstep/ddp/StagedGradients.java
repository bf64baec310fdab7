package dev.lockstep.ddp;

import dev.lockstep.comm.HostTransfer;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;

/**
 * A range of the gradients as the communication library sees it: the device's own memory where the host reaches it, else a
 * copy in host memory, filled and sent back on a stream beside the compute stream.
 */
final class StagedGradients implements HostTransfer {
    private final DeviceBuffer range;
    private final Stream copyStream;
    private final ByteBuffer host;
    private final Event written;
    private final Event stored;
    private final ChunkTimes times;
    /** Written by the training thread before the reduction is started. */
    private boolean timed;

    /**
     * @param host       of the range's length: its own memory, or such as the device can copy to
     * @param copyStream used by the thread that runs the reductions
     */
    StagedGradients(Device device, DeviceBuffer range, ByteBuffer host, Stream copyStream, ChunkTimes times) {
        this.range = range;
        this.copyStream = copyStream;
        this.times = times;
        this.host = host;
        written = device.newEvent();
        stored = device.newEvent();
    }

    ChunkTimes times() {
        return times;
    }

    void setTimed(boolean timed) {
        this.timed = timed;
    }

    /** What is summed. */
    ByteBuffer host() {
        return host;
    }

    /** By the training thread, before the reduction is started. */
    void markWritten(Stream stream) {
        written.record(stream);
    }

    /** By the training thread, after the reduction. */
    void waitForSum(Stream stream) {
        stream.waitFor(stored);
    }

    @Override
    public void fetch() {
        times.markTaken();
        if (!range.isHostAccessible()) {
            if (timed) {
                written.synchronize();
                times.markWritten();
            }
            copyStream.waitFor(written);
            range.copyToHost(host.clear(), copyStream);
            copyStream.synchronize();
            times.markFetched();
        }
    }

    @Override
    public void store() {
        times.markReduced();
        if (!range.isHostAccessible()) {
            range.copyFromHost(host.clear(), copyStream);
            stored.record(copyStream);
            if (timed) {
                // The next fetch waits for this copy, too: it is behind it in the same stream.
                copyStream.synchronize();
            }
            times.markStored();
        }
    }
}

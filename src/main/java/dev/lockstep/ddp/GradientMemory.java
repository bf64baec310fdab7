package dev.lockstep.ddp;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostMemory;
import dev.lockstep.comm.Sharing;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;

/**
 * What an arena's gradients lie in, and on their way over the ranks: the same where the device computes in host memory. Where
 * the ranks of a machine share that memory, they sum chunks where they lie.
 */
public final class GradientMemory {
    private final Device device;
    private final DeviceBuffer buffer;
    private final Sharing<? extends HostMemory> sharing;

    private GradientMemory(Device device, DeviceBuffer buffer, Sharing<? extends HostMemory> sharing) {
        this.device = device;
        this.buffer = buffer;
        this.sharing = sharing;
    }

    /**
     * Zeroed. Collective.
     *
     * @param shared whether it is to be shared, where that can be
     */
    public static GradientMemory allocate(Device device, Communicator communicator, boolean shared, long elementCount) {
        long bytes = Math.multiplyExact(elementCount, DataType.FLOAT32.bytes());
        Sharing<? extends HostMemory> sharing = communicator.shareMemory(shared && device.takesHostMemory() ? bytes : 0);
        DeviceBuffer buffer = sharing.memory().flatMap(host -> device.register(host.address(), bytes, host::close))
                .orElseGet(() -> device.allocate(DataType.FLOAT32, elementCount));
        return new GradientMemory(device, buffer, sharing);
    }

    /** This rank's own. */
    static GradientMemory of(Device device, DeviceBuffer buffer) {
        return new GradientMemory(device, buffer, Sharing.refused("nobody has asked for it"));
    }

    public DeviceBuffer buffer() {
        return buffer;
    }

    public boolean isShared() {
        return sharing.memory().isPresent();
    }

    /** Why it is not; empty where it is. */
    public String refusal() {
        return sharing.refusal();
    }

    /** The range, and the host memory that it is summed in. */
    StagedGradients stage(long firstElement, long elementCount, Stream copyStream, ChunkTimes times) {
        DeviceBuffer range = buffer.slice(firstElement, elementCount);
        int elementBytes = DataType.FLOAT32.bytes();
        ByteBuffer host = range.isHostAccessible() ? range.hostView()
                : sharing.memory().map(memory -> memory.view(firstElement * elementBytes, Math.toIntExact(range.byteCount())))
                .orElseGet(() -> device.allocateHost(Math.toIntExact(range.byteCount())));
        return new StagedGradients(device, range, host, copyStream, times);
    }
}

package dev.lockstep.ddp;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;

/**
 * What an arena's gradients lie in.
 *
 * @param buffer zeroed, of FLOAT32
 * @param shared whether the ranks of a machine share it, so that they sum chunks where they lie
 */
public record GradientMemory(DeviceBuffer buffer, boolean shared) {
    /**
     * Collective.
     *
     * @param shared whether it is to be shared, where that can be
     */
    public static GradientMemory allocate(Device device, Communicator communicator, boolean shared, long elementCount) {
        boolean wanted = shared && device.computesInHostMemory();
        return communicator.shareMemory(wanted ? Math.multiplyExact(elementCount, DataType.FLOAT32.bytes()) : 0)
                .map(memory -> new GradientMemory(device.wrap(DataType.FLOAT32, memory.address(), elementCount), true))
                .orElseGet(() -> new GradientMemory(device.allocate(DataType.FLOAT32, elementCount), false));
    }
}

package dev.lockstep.device.cpu;

import dev.lockstep.device.Device;
import dev.lockstep.device.LargeOperationsContract;

class CpuLargeOperationsTest extends LargeOperationsContract {
    @Override
    protected Device newDevice() {
        return new CpuDevice(3);
    }
}

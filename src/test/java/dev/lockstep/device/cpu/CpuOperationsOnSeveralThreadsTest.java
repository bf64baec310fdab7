package dev.lockstep.device.cpu;

import dev.lockstep.device.Device;
import dev.lockstep.device.OperationsContract;

class CpuOperationsOnSeveralThreadsTest extends OperationsContract {
    @Override
    protected Device newDevice() {
        return new CpuDevice(3);
    }
}

package dev.lockstep.device.cpu;

import dev.lockstep.device.Device;
import dev.lockstep.device.LayerOperationsContract;

class CpuLayerOperationsOnSeveralThreadsTest extends LayerOperationsContract {
    @Override
    protected Device newDevice() {
        return new CpuDevice(3);
    }
}

package dev.lockstep.device.cpu;

import dev.lockstep.device.Device;
import dev.lockstep.device.LossesContract;

class CpuLossesTest extends LossesContract {
    @Override
    protected Device newDevice() {
        return new CpuDevice(1);
    }
}

package dev.lockstep.device.cpu;

import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceContract;

class CpuDeviceTest extends DeviceContract {
    @Override
    protected Device newDevice() {
        return new CpuDevice(1);
    }
}

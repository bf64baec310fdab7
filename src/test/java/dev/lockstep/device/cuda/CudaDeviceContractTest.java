package dev.lockstep.device.cuda;

import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceContract;

class CudaDeviceContractTest extends DeviceContract {
    @Override
    protected Device newDevice() {
        return CudaDeviceOrSkip.openOrSkip();
    }
}

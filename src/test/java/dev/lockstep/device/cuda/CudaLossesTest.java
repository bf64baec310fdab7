package dev.lockstep.device.cuda;

import dev.lockstep.device.Device;
import dev.lockstep.device.LossesContract;

class CudaLossesTest extends LossesContract {
    @Override
    protected Device newDevice() {
        return CudaDeviceOrSkip.openOrSkip();
    }
}

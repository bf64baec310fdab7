package dev.lockstep.device.cuda;

import dev.lockstep.device.ClippingContract;
import dev.lockstep.device.Device;

class CudaClippingTest extends ClippingContract {
    @Override
    protected Device newDevice() {
        return CudaDeviceOrSkip.openOrSkip();
    }
}

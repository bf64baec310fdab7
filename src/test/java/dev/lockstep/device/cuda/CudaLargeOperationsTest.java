package dev.lockstep.device.cuda;

import dev.lockstep.device.Device;
import dev.lockstep.device.LargeOperationsContract;

class CudaLargeOperationsTest extends LargeOperationsContract {
    @Override
    protected Device newDevice() {
        return CudaDeviceOrSkip.openOrSkip();
    }
}

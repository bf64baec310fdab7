package dev.lockstep.device.cuda;

import dev.lockstep.device.Device;
import dev.lockstep.device.OperationsContract;

class CudaOperationsTest extends OperationsContract {
    @Override
    protected Device newDevice() {
        return CudaDeviceOrSkip.openOrSkip();
    }
}

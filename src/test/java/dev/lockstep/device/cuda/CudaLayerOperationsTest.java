package dev.lockstep.device.cuda;

import dev.lockstep.device.Device;
import dev.lockstep.device.LayerOperationsContract;

class CudaLayerOperationsTest extends LayerOperationsContract {
    @Override
    protected Device newDevice() {
        return CudaDeviceOrSkip.openOrSkip();
    }
}

package dev.lockstep.device.reference;

import dev.lockstep.device.ClippingContract;
import dev.lockstep.device.Device;

class ReferenceClippingTest extends ClippingContract {
    @Override
    protected Device newDevice() {
        return new ReferenceDevice();
    }
}

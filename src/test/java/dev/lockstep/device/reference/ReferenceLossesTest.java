package dev.lockstep.device.reference;

import dev.lockstep.device.Device;
import dev.lockstep.device.LossesContract;

class ReferenceLossesTest extends LossesContract {
    @Override
    protected Device newDevice() {
        return new ReferenceDevice();
    }
}

package dev.lockstep.device.reference;

import dev.lockstep.device.Device;
import dev.lockstep.device.OperationsContract;

/** The reference in FLOAT32 against itself in FLOAT64: that it rounds no more than at the end, and what it leaves alone. */
class ReferenceOperationsTest extends OperationsContract {
    @Override
    protected Device newDevice() {
        return new ReferenceDevice();
    }
}

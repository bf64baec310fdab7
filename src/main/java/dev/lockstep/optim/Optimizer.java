package dev.lockstep.optim;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import java.util.SortedMap;

/**
 * Updates the parameter arena from the gradient arena, range by range, each range once a step. It neither knows who
 * made the gradients nor waits for anybody.
 */
public interface Optimizer {
    /** Prepares the update of {@code elementCount} elements of the arena from {@code firstElement} on. */
    Operation bind(long firstElement, long elementCount);

    /** Called once before a step's first update. */
    void beginStep();

    /** Where its schedule stands, of the parameters that are in no group of their own. */
    double learningRate();

    /** Steps taken; sets the number when training is resumed. */
    long steps();

    void setSteps(long steps);

    /** Its state by PyTorch's names, each laid out as the arena; empty if it keeps none. In one order on all ranks. */
    SortedMap<String, DeviceBuffer> state();
}

package dev.lockstep.nn;

import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;

/** Softmax cross-entropy with mean reduction: torch.nn.CrossEntropyLoss. Its targets are labels, INT32 [batch]. */
public final class CrossEntropyLoss implements Loss {
    private final Device device;
    private final double labelSmoothing;
    private final LossSums sums;

    /** Without label smoothing. */
    public CrossEntropyLoss(Device device) {
        this(device, 0);
    }

    /** @param labelSmoothing share of the wanted distribution that is spread evenly over all classes, 0 … 1 */
    public CrossEntropyLoss(Device device, double labelSmoothing) {
        this.device = device;
        this.labelSmoothing = labelSmoothing;
        sums = new LossSums(device);
    }

    @Override
    public Operation bind(BoundModule model, DeviceBuffer targets, int samples, int ranks) {
        double gradientFactor = 1.0 / ((double) samples * ranks);
        return device.operations().crossEntropy(model.output(), targets, labelSmoothing, sums.statistics(),
                model.outputGradient(), gradientFactor);
    }

    @Override
    public LossSums sums() {
        return sums;
    }
}

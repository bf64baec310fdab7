package dev.lockstep.nn;

import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;

/**
 * Mean squared error over samples and outputs: torch.nn.MSELoss. Its targets are numbers, FLOAT32 [batch · outputs]; where
 * the model computes in FLOAT64, so.
 */
public final class MseLoss implements Loss {
    private final Device device;
    private final LossSums sums;

    public MseLoss(Device device) {
        this.device = device;
        sums = new LossSums(device);
    }

    @Override
    public Operation bind(BoundModule model, DeviceBuffer targets, int samples, int ranks) {
        Matrix output = model.output();
        double gradientFactor = 1.0 / ((double) samples * ranks);
        return device.operations().meanSquaredError(output, new Matrix(targets, output.rows(), output.columns()),
                sums.statistics(), model.outputGradient(), gradientFactor);
    }

    @Override
    public LossSums sums() {
        return sums;
    }
}

package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Softmax cross-entropy with mean reduction: torch.nn.CrossEntropyLoss. Keeps running sums over the batches since the
 * last {@link #reset}.
 */
public final class CrossEntropyLoss {
    private final Device device;
    private final DeviceBuffer statistics;
    private final Operation clear;
    private final ByteBuffer host;

    public CrossEntropyLoss(Device device) {
        this.device = device;
        statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
        clear = device.operations().clear(statistics);
        host = statistics.isHostAccessible() ? statistics.hostView()
                : ByteBuffer.allocateDirect(LossStatistics.LENGTH * Double.BYTES).order(ByteOrder.nativeOrder());
    }

    /**
     * The loss of {@code model}'s output against {@code labels}, and, where the model is bound for training, its
     * gradient.
     *
     * @param labels  INT32 [batch]
     * @param samples of a rank in a step: this batch, and the others whose gradients are added to its own
     * @param ranks   the gradient is that of the mean over the steps of so many ranks, each as large: summed over them, and
     *                over a step's batches, it is their average
     */
    public Operation bind(BoundModule model, DeviceBuffer labels, int samples, int ranks) {
        double gradientFactor = 1.0 / ((double) samples * ranks);
        return device.operations().crossEntropy(model.output(), labels, statistics, model.outputGradient(),
                gradientFactor);
    }

    /** Whether {@link #read} costs nothing, so that every step's loss can be looked at. */
    public boolean isHostAccessible() {
        return statistics.isHostAccessible();
    }

    /** Clears the sums. */
    public void reset(Stream stream) {
        clear.enqueue(stream);
    }

    /**
     * Waits for the device and reads one of the {@link LossStatistics}; allocates nothing where the host sees the
     * device's memory.
     */
    public double read(Stream stream, int statistic) {
        if (statistics.isHostAccessible()) {
            stream.synchronize();
        } else {
            statistics.copyToHost(host.clear());
        }
        return host.getDouble(statistic * Double.BYTES);
    }
}

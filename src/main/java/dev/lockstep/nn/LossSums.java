package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The {@link LossStatistics} of a loss, in device memory. */
public final class LossSums {
    private final DeviceBuffer statistics; // FLOAT64 [LossStatistics.LENGTH]
    private final Operation clear;
    private final ByteBuffer host;

    public LossSums(Device device) {
        statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
        clear = device.operations().clear(statistics);
        host = statistics.isHostAccessible() ? statistics.hostView()
                : ByteBuffer.allocateDirect(LossStatistics.LENGTH * Double.BYTES).order(ByteOrder.nativeOrder());
    }

    /** For the loss's operation. */
    DeviceBuffer statistics() {
        return statistics;
    }

    boolean isHostAccessible() {
        return statistics.isHostAccessible();
    }

    void clear(Stream stream) {
        clear.enqueue(stream);
    }

    double read(Stream stream, int statistic) {
        if (statistics.isHostAccessible()) {
            stream.synchronize();
        } else {
            statistics.copyToHost(host.clear());
        }
        return host.getDouble(statistic * Double.BYTES);
    }
}

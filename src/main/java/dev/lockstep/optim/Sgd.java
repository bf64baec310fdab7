package dev.lockstep.optim;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.SgdHyperparameters;
import dev.lockstep.tensor.ParameterArena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/** Stochastic gradient descent with momentum, weight decay, dampening and nesterov: torch.optim.SGD. */
public final class Sgd implements Optimizer {
    private static final String MOMENTUM_BUFFER = "momentum_buffer";

    private final Device device;
    private final ParameterArena arena;
    private final SgdSettings settings;
    private final DeviceBuffer momentumBuffer;
    private final DeviceBuffer hyperparameters;
    private final ByteBuffer host = ByteBuffer.allocateDirect(SgdHyperparameters.LENGTH * Float.BYTES)
            .order(ByteOrder.nativeOrder());
    private boolean changed = true;
    private long steps;

    public Sgd(Device device, ParameterArena arena, SgdSettings settings) {
        this.device = device;
        this.arena = arena;
        this.settings = settings;
        momentumBuffer = settings.momentum() == 0 ? null : device.allocate(arena.values().type(), arena.elementCount());
        hyperparameters = device.allocate(DataType.FLOAT32, SgdHyperparameters.LENGTH);
    }

    @Override
    public Operation bind(long firstElement, long elementCount) {
        return device.operations().sgd(arena.values().slice(firstElement, elementCount),
                arena.gradients().slice(firstElement, elementCount),
                momentumBuffer == null ? null : momentumBuffer.slice(firstElement, elementCount), hyperparameters,
                settings.nesterov(),
                arena.converts() ? arena.computeValues().slice(firstElement, elementCount) : null);
    }

    /** The first step's momentum buffer is the gradient itself, so the numbers change once, at the second step. */
    @Override
    public void beginStep() {
        boolean first = steps == 0;
        put(SgdHyperparameters.LEARNING_RATE, settings.learningRate());
        put(SgdHyperparameters.WEIGHT_DECAY, settings.weightDecay());
        put(SgdHyperparameters.MOMENTUM, settings.momentum());
        put(SgdHyperparameters.BUFFER_FACTOR, first ? 0 : settings.momentum());
        put(SgdHyperparameters.GRADIENT_FACTOR, first ? 1 : 1 - settings.dampening());
        if (changed) {
            hyperparameters.copyFromHost(host.clear());
            changed = false;
        }
        steps++;
    }

    private void put(int index, double value) {
        float number = (float) value;
        changed |= host.getFloat(index * Float.BYTES) != number;
        host.putFloat(index * Float.BYTES, number);
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public void setSteps(long steps) {
        this.steps = steps;
    }

    @Override
    public Map<String, DeviceBuffer> state() {
        return momentumBuffer == null ? Map.of() : Map.of(MOMENTUM_BUFFER, momentumBuffer);
    }
}

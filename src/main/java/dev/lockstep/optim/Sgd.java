package dev.lockstep.optim;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.SgdHyperparameters;
import dev.lockstep.tensor.ParameterArena;
import java.util.Map;

/** Stochastic gradient descent with momentum, weight decay, dampening and nesterov: torch.optim.SGD. */
public final class Sgd implements Optimizer {
    private static final String MOMENTUM_BUFFER = "momentum_buffer";

    private final Device device;
    private final ParameterArena arena;
    private final SgdSettings settings;
    private final DeviceBuffer momentumBuffer;
    private final Hyperparameters hyperparameters;
    private long steps;

    public Sgd(Device device, ParameterArena arena, SgdSettings settings) {
        this.device = device;
        this.arena = arena;
        this.settings = settings;
        momentumBuffer = settings.momentum() == 0 ? null : device.allocate(arena.values().type(), arena.elementCount());
        hyperparameters = new Hyperparameters(device, DataType.FLOAT32, SgdHyperparameters.LENGTH);
    }

    @Override
    public Operation bind(long firstElement, long elementCount) {
        return device.operations().sgd(arena.values().slice(firstElement, elementCount),
                arena.gradients().slice(firstElement, elementCount),
                momentumBuffer == null ? null : momentumBuffer.slice(firstElement, elementCount),
                hyperparameters.slice(0, SgdHyperparameters.LENGTH), settings.nesterov(),
                arena.converts() ? arena.computeValues().slice(firstElement, elementCount) : null);
    }

    /** The first step's momentum buffer is the gradient itself, so the numbers change once, at the second step. */
    @Override
    public void beginStep() {
        boolean first = steps == 0;
        hyperparameters.put(SgdHyperparameters.LEARNING_RATE, settings.learningRate());
        hyperparameters.put(SgdHyperparameters.WEIGHT_DECAY, settings.weightDecay());
        hyperparameters.put(SgdHyperparameters.MOMENTUM, settings.momentum());
        hyperparameters.put(SgdHyperparameters.BUFFER_FACTOR, first ? 0 : settings.momentum());
        hyperparameters.put(SgdHyperparameters.GRADIENT_FACTOR, first ? 1 : 1 - settings.dampening());
        hyperparameters.send();
        steps++;
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

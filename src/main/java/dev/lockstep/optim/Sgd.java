package dev.lockstep.optim;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.SgdHyperparameters;
import dev.lockstep.tensor.ParameterArena;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Stochastic gradient descent with momentum, weight decay, dampening and nesterov: torch.optim.SGD. */
public final class Sgd implements Optimizer {
    private static final String MOMENTUM_BUFFER = "momentum_buffer";

    private final Device device;
    private final ParameterArena arena;
    private final SgdSettings settings;
    private final ParameterGroups groups;
    private final Schedule schedule;
    private final DeviceBuffer momentumBuffer;
    private final Hyperparameters hyperparameters;
    private long steps;

    /** All parameters alike, at a constant rate. */
    public Sgd(Device device, ParameterArena arena, SgdSettings settings) {
        this(device, arena, settings, List.of(), Schedule.constant());
    }

    /**
     * @param groups   that have other numbers than the settings'
     * @param schedule moved on by whoever trains, before each step
     */
    public Sgd(Device device, ParameterArena arena, SgdSettings settings, List<ParameterGroup> groups, Schedule schedule) {
        this.device = device;
        this.arena = arena;
        this.settings = settings;
        this.groups = new ParameterGroups(arena, settings.learningRate(), settings.weightDecay(), groups);
        this.schedule = schedule;
        momentumBuffer = settings.momentum() == 0 ? null : device.allocate(arena.values().type(), arena.elementCount());
        hyperparameters = new Hyperparameters(device, DataType.FLOAT32, this.groups.count() * SgdHyperparameters.LENGTH);
    }

    @Override
    public Operation bind(long firstElement, long elementCount) {
        return groups.bind(firstElement, elementCount, (group, first, count) -> device.operations().sgd(
                arena.values().slice(first, count), arena.gradients().slice(first, count),
                momentumBuffer == null ? null : momentumBuffer.slice(first, count),
                hyperparameters.slice(group * SgdHyperparameters.LENGTH, SgdHyperparameters.LENGTH), settings.nesterov(),
                arena.converts() ? arena.computeValues().slice(first, count) : null));
    }

    @Override
    public void beginStep() {
        for (int group = 0; group < groups.count(); group++) {
            put(group, schedule.rate(groups.get(group).learningRate()), groups.get(group).weightDecay());
        }
        hyperparameters.send();
        steps++;
    }

    /** The first step's momentum buffer is the gradient itself. */
    private void put(int group, double rate, double weightDecay) {
        int first = group * SgdHyperparameters.LENGTH;
        boolean firstStep = steps == 0;
        hyperparameters.put(first + SgdHyperparameters.LEARNING_RATE, rate);
        hyperparameters.put(first + SgdHyperparameters.WEIGHT_DECAY, weightDecay);
        hyperparameters.put(first + SgdHyperparameters.MOMENTUM, settings.momentum());
        hyperparameters.put(first + SgdHyperparameters.BUFFER_FACTOR, firstStep ? 0 : settings.momentum());
        hyperparameters.put(first + SgdHyperparameters.GRADIENT_FACTOR, firstStep ? 1 : 1 - settings.dampening());
    }

    @Override
    public double learningRate() {
        return schedule.rate(settings.learningRate());
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
    public SortedMap<String, DeviceBuffer> state() {
        SortedMap<String, DeviceBuffer> state = new TreeMap<>();
        if (momentumBuffer != null) {
            state.put(MOMENTUM_BUFFER, momentumBuffer);
        }
        return state;
    }
}

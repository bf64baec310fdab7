package dev.lockstep.optim;

import dev.lockstep.device.AdamHyperparameters;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.tensor.ParameterArena;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** torch.optim.Adam and torch.optim.AdamW, without amsgrad. */
public final class Adam implements Optimizer {
    private final Device device;
    private final ParameterArena arena;
    private final AdamSettings settings;
    private final ParameterGroups groups;
    private final Schedule schedule;
    private final DeviceBuffer average;
    private final DeviceBuffer squareAverage;
    private final Hyperparameters hyperparameters;
    private long steps;

    /** All parameters alike, at a constant rate. */
    public Adam(Device device, ParameterArena arena, AdamSettings settings) {
        this(device, arena, settings, List.of(), Schedule.constant());
    }

    /**
     * @param groups   that have other numbers than the settings'
     * @param schedule moved on by whoever trains, before each step
     */
    public Adam(Device device, ParameterArena arena, AdamSettings settings, List<ParameterGroup> groups,
            Schedule schedule) {
        this.device = device;
        this.arena = arena;
        this.settings = settings;
        this.groups = new ParameterGroups(arena, settings.learningRate(), settings.weightDecay(), groups);
        this.schedule = schedule;
        average = device.allocate(arena.values().type(), arena.elementCount());
        squareAverage = device.allocate(arena.values().type(), arena.elementCount());
        hyperparameters = new Hyperparameters(device, DataType.FLOAT64, this.groups.count() * AdamHyperparameters.LENGTH);
    }

    @Override
    public Operation bind(long firstElement, long elementCount) {
        return groups.bind(firstElement, elementCount, (group, first, count) -> device.operations().adam(
                arena.values().slice(first, count), arena.gradients().slice(first, count), average.slice(first, count),
                squareAverage.slice(first, count),
                hyperparameters.slice(group * AdamHyperparameters.LENGTH, AdamHyperparameters.LENGTH),
                arena.converts() ? arena.computeValues().slice(first, count) : null));
    }

    @Override
    public void beginStep() {
        steps++;
        for (int group = 0; group < groups.count(); group++) {
            put(group, schedule.rate(groups.get(group).learningRate()), groups.get(group).weightDecay());
        }
        hyperparameters.send();
    }

    private void put(int group, double rate, double weightDecay) {
        int first = group * AdamHyperparameters.LENGTH;
        boolean decoupled = settings.decoupled();
        double correction = 1 - Math.pow(settings.beta1(), steps);
        double squareCorrection = 1 - Math.pow(settings.beta2(), steps);
        hyperparameters.put(first + AdamHyperparameters.STEP_SIZE, rate / correction);
        hyperparameters.put(first + AdamHyperparameters.AVERAGE_FACTOR, 1 - settings.beta1());
        hyperparameters.put(first + AdamHyperparameters.SQUARE_FACTOR, settings.beta2());
        hyperparameters.put(first + AdamHyperparameters.SQUARE_GRADIENT_FACTOR, 1 - settings.beta2());
        hyperparameters.put(first + AdamHyperparameters.ROOT_FACTOR, 1 / Math.sqrt(squareCorrection));
        hyperparameters.put(first + AdamHyperparameters.EPS, settings.eps());
        hyperparameters.put(first + AdamHyperparameters.WEIGHT_DECAY, decoupled ? 0 : weightDecay);
        hyperparameters.put(first + AdamHyperparameters.PARAMETER_FACTOR, decoupled ? 1 - rate * weightDecay : 1);
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
        state.put("exp_avg", average);
        state.put("exp_avg_sq", squareAverage);
        return state;
    }
}

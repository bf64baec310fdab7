package dev.lockstep.optim;

import dev.lockstep.device.AdamHyperparameters;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.tensor.ParameterArena;
import java.util.Map;

/** torch.optim.Adam and torch.optim.AdamW, without amsgrad. */
public final class Adam implements Optimizer {
    private final Device device;
    private final ParameterArena arena;
    private final AdamSettings settings;
    private final DeviceBuffer average;
    private final DeviceBuffer squareAverage;
    private final Hyperparameters hyperparameters;
    private long steps;

    public Adam(Device device, ParameterArena arena, AdamSettings settings) {
        this.device = device;
        this.arena = arena;
        this.settings = settings;
        average = device.allocate(arena.values().type(), arena.elementCount());
        squareAverage = device.allocate(arena.values().type(), arena.elementCount());
        hyperparameters = new Hyperparameters(device, DataType.FLOAT64, AdamHyperparameters.LENGTH);
    }

    @Override
    public Operation bind(long firstElement, long elementCount) {
        return device.operations().adam(arena.values().slice(firstElement, elementCount),
                arena.gradients().slice(firstElement, elementCount), average.slice(firstElement, elementCount),
                squareAverage.slice(firstElement, elementCount), hyperparameters.slice(0, AdamHyperparameters.LENGTH),
                arena.converts() ? arena.computeValues().slice(firstElement, elementCount) : null);
    }

    @Override
    public void beginStep() {
        steps++;
        double lr = settings.learningRate();
        double decay = settings.weightDecay();
        boolean decoupled = settings.decoupled();
        hyperparameters.put(AdamHyperparameters.STEP_SIZE, lr / (1 - Math.pow(settings.beta1(), steps)));
        hyperparameters.put(AdamHyperparameters.AVERAGE_FACTOR, 1 - settings.beta1());
        hyperparameters.put(AdamHyperparameters.SQUARE_FACTOR, settings.beta2());
        hyperparameters.put(AdamHyperparameters.SQUARE_GRADIENT_FACTOR, 1 - settings.beta2());
        hyperparameters.put(AdamHyperparameters.ROOT_FACTOR, 1 / Math.sqrt(1 - Math.pow(settings.beta2(), steps)));
        hyperparameters.put(AdamHyperparameters.EPS, settings.eps());
        hyperparameters.put(AdamHyperparameters.WEIGHT_DECAY, decoupled ? 0 : decay);
        hyperparameters.put(AdamHyperparameters.PARAMETER_FACTOR, decoupled ? 1 - lr * decay : 1);
        hyperparameters.send();
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
        return Map.of("exp_avg", average, "exp_avg_sq", squareAverage);
    }
}

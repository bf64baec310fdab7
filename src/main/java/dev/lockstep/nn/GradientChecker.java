package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.tensor.Parameter;

/**
 * Holds a module's backward to finite differences of its forward, as torch.autograd.gradcheck does, for tests of modules:
 * {@code new GradientChecker(new ReferenceDevice()).check(new Swish(1), 5)}. It computes in FLOAT64, on standard normal
 * inputs and near the module's initial parameters, and holds the module to the {@link ModuleContract} first.
 */
public final class GradientChecker {
    /** Near the cube root of the unit roundoff, where truncation and rounding leave some 1e-10. */
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 1e-6;
    /** Of a parameter or the input: those of larger ones are spread evenly. */
    private static final int ELEMENTS = 256;
    private static final int BATCH = 3;

    private final Device device;

    /** @param device that computes in FLOAT64: a {@code ReferenceDevice} */
    public GradientChecker(Device device) {
        this.device = device;
    }

    /**
     * Checks the gradients of every parameter and of the input, in some hundred elements of each.
     *
     * @throws ModuleContractException naming the first element whose gradient differs by more than 1e-6 (of its size, where
     *                                 that is above 1), with both values; or another promise that the module breaks
     */
    public void check(Module module, int inputFeatures) {
        ModuleContract.check(device, DataType.FLOAT64, module, inputFeatures);
        int batch = Math.max(BATCH, module.smallestBatch(1));
        ModuleProbe probe = new ModuleProbe(device, DataType.FLOAT64, module, inputFeatures, batch);
        probe.perturbParameters();
        ModuleProbe.Pass pass = probe.bindForTraining(batch, false, true);
        Matrix weights = Matrix.allocate(device, DataType.FLOAT64, batch, pass.bound().output().columns());
        ModuleProbe.randomize(pass.input(), 1);
        ModuleProbe.randomize(weights, 2);
        probe.forward(pass);
        ModuleProbe.randomize(pass.bound().outputGradient(), 2);
        probe.backward(pass, GradientListener.NONE);

        Objective objective = new Objective(probe, pass, HostArray.of(weights.data()));
        for (Parameter parameter : probe.parameters()) {
            objective.check("the gradient of '" + ModuleProbe.name(parameter) + "'", HostArray.of(parameter.value()),
                    HostArray.of(parameter.gradient()));
        }
        objective.check("the gradient of its input", HostArray.of(pass.input().data()),
                HostArray.of(pass.inputGradient().data()));
    }

    /** The sum of the outputs, each with its weight: its gradient by the output is these weights. */
    private record Objective(ModuleProbe probe, ModuleProbe.Pass pass, HostArray weights) {
        double value() {
            probe.forward(pass);
            HostArray output = HostArray.of(pass.bound().output().data());
            double sum = 0;
            for (int i = 0; i < weights.length(); i++) {
                sum += weights.get(i) * output.get(i);
            }
            return sum;
        }

        void check(String what, HostArray argument, HostArray gradient) {
            int stride = (argument.length() + ELEMENTS - 1) / ELEMENTS;
            for (int i = 0; i < argument.length(); i += stride) {
                double at = argument.get(i);
                argument.set(i, at + STEP);
                double above = value();
                argument.set(i, at - STEP);
                double below = value();
                argument.set(i, at);
                double difference = (above - below) / (2 * STEP);
                double found = gradient.get(i);
                if (!(Math.abs(found - difference) <= TOLERANCE * Math.max(1, Math.abs(difference)))) {
                    throw new ModuleContractException("backward gives " + found + " as " + what + ", element " + i
                            + ", and finite differences of forward give " + difference);
                }
            }
        }
    }
}

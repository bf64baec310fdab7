package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Timeline;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;

/** A module with parameters, input and activation memory of its own, to be tried out on a device of host memory. */
final class ModuleProbe {
    private static final String PATH = "0";

    private final Device device;
    private final Module module;
    private final List<Parameter> parameters;
    private final Matrix input;
    private final Matrix inputGradient;
    /** A binding is good for one bind. */
    private final Supplier<Binding> training;
    private final Supplier<Binding> evaluation;

    /** The module bound to a batch; inputGradient is null where it was bound without one. */
    record Pass(BoundModule bound, Matrix input, Matrix inputGradient) {
    }

    /**
     * @param largestBatch rows of the first batch that it is bound to
     * @throws ModuleContractException if the module leaves parameters without initial values
     */
    ModuleProbe(Device device, DataType type, Module module, int inputFeatures, int largestBatch) {
        this.device = device;
        this.module = module;
        List<ParameterShape> shapes = new ArrayList<>();
        module.parameterShapes().forEach(shape -> shapes.add(shape.within(PATH)));
        // An arena holds something, and a module may have no parameters.
        shapes.add(ParameterShape.vector("beside", 1));
        ParameterArena arena = new ParameterArena(device, type, shapes, true);
        parameters = arena.modelOrder().subList(0, shapes.size() - 1);
        input = Matrix.allocate(device, type, largestBatch, inputFeatures);
        inputGradient = Matrix.allocate(device, type, largestBatch, inputFeatures);
        List<BufferShape> bufferShapes = module.bufferShapes().stream().map(shape -> shape.within(PATH)).toList();
        ModelBuffers buffers = new ModelBuffers(device, type, bufferShapes);
        Workspace workspace = new Workspace(device, type);
        Randomness randomness = new Randomness(device, 0, 0);
        training = () -> Binding.forTraining(device, workspace, arena, Binding.RowSplit.WHOLE, new Timeline(device))
                .with(buffers).with(randomness, RankSums.ALONE);
        Workspace evaluationWorkspace = new Workspace(device, type);
        evaluation = () -> Binding.forEvaluation(device, evaluationWorkspace, arena).with(buffers);
        initialize(arena);
    }

    /** Initial values are drawn as FLOAT32. */
    private void initialize(ParameterArena arena) {
        ParameterArena floats =
                new ParameterArena(device, arena.modelOrder().stream().map(Parameter::shape).toList(), false);
        List<Parameter> initialized = floats.modelOrder().subList(0, parameters.size());
        initialized.forEach(parameter -> HostArray.of(parameter.value()).fill(Double.NaN));
        module.initialize(new Mt19937(0), name -> floats.parameter(PATH + "." + name));
        initialized.forEach(ModuleProbe::checkInitialized);
        HostArray from = HostArray.of(floats.values());
        HostArray to = HostArray.of(arena.values());
        for (int i = 0; i < to.length(); i++) {
            to.set(i, from.get(i));
        }
    }

    private static void checkInitialized(Parameter parameter) {
        HostArray values = HostArray.of(parameter.value());
        for (int i = 0; i < values.length(); i++) {
            if (!Double.isFinite(values.get(i))) {
                throw new ModuleContractException("initialize does not write a finite number to '" + name(parameter)
                        + "', element " + i);
            }
        }
    }

    /** In the module's order. */
    List<Parameter> parameters() {
        return parameters;
    }

    /** Relative to the module. */
    static String name(Parameter parameter) {
        return parameter.name().substring(PATH.length() + 1);
    }

    Pass bindForTraining(int rows, boolean accumulate, boolean withInputGradient) {
        Binding binding = training.get();
        return bind(accumulate ? binding.accumulating() : binding, rows,
                withInputGradient ? inputGradient.rows(0, rows) : null);
    }

    Pass bindForEvaluation(int rows) {
        return bind(evaluation.get(), rows, null);
    }

    private Pass bind(Binding binding, int rows, Matrix gradient) {
        binding.workspace().rewind();
        Matrix rowsOfInput = input.rows(0, rows);
        return new Pass(module.bind(binding.within(PATH), rowsOfInput, gradient), rowsOfInput, gradient);
    }

    void forward(Pass pass) {
        pass.bound.forward(device.computeStream());
    }

    void backward(Pass pass, GradientListener listener) {
        pass.bound.backward(device.computeStream(), listener);
    }

    /** Standard normal numbers, the same each time. */
    static void randomize(Matrix matrix, long seed) {
        Random random = new Random(seed);
        HostArray array = HostArray.of(matrix.data());
        for (int i = 0; i < array.length(); i++) {
            array.set(i, random.nextGaussian());
        }
    }

    /** Moves the initial values a little: zeros would hide wrong gradients. */
    void perturbParameters() {
        Random random = new Random(20);
        for (Parameter parameter : parameters) {
            HostArray values = HostArray.of(parameter.value());
            for (int i = 0; i < values.length(); i++) {
                values.add(i, 0.1 * random.nextGaussian());
            }
        }
    }
}

package dev.lockstep.nn;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Timeline;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A model bound for training, with random parameters, input and gradient of the output: the same numbers each time. */
final class RandomModel {
    final Device device;
    final ParameterArena arena;
    final ModelBuffers buffers;
    final Matrix input;
    final Matrix inputGradient;
    final BoundModule bound;

    /** @param type of all floating point numbers; they are drawn as floats, so that FLOAT64 holds the same ones */
    RandomModel(Device device, DataType type, Sequential model, int batch, int in, Binding.RowSplit rowSplit) {
        this.device = device;
        Random random = new Random(20);
        arena = new ParameterArena(device, type, model.parameterShapes(), true);
        for (Parameter parameter : arena.modelOrder()) {
            fill(parameter.value(), random, 2 / Math.sqrt(parameter.shape().rowElements()));
            Buffers.write(parameter.gradient(), notANumber(parameter.gradient()));
        }
        input = Matrix.allocate(device, type, batch, in);
        fill(input.data(), random, 1);
        inputGradient = Matrix.allocate(device, type, batch, in);
        Buffers.write(inputGradient.data(), notANumber(inputGradient.data()));
        buffers = new ModelBuffers(device, type, model.bufferShapes());
        bound = model.bind(Binding.forTraining(device, new Workspace(device, type), arena, rowSplit, new Timeline(device))
                .with(buffers).with(new Randomness(device, 20, 0), RankSums.ALONE), input, inputGradient);
        fill(bound.outputGradient().data(), random, 1);
    }

    /** Every way in which layers can stand beside each other, with {@code activation} in it. */
    static List<Sequential> patterns(Activation activation, int in, int hidden, int out) {
        Module first = new Linear(in, hidden);
        Module middle = new Linear(hidden, hidden);
        Module last = new Linear(hidden, out);
        Module act = new ActivationModule(activation);
        Module tanh = new ActivationModule(Activation.TANH);
        List<List<Module>> patterns = List.of(
                List.of(new Linear(in, out)),
                List.of(first, last),
                List.of(first, act, last),
                List.of(first, act, middle, act, last),
                List.of(first, act, middle, last),
                List.of(first, act, tanh, last),
                List.of(first, tanh, act, last),
                List.of(first, act, last, act),
                List.of(act, first, act, last),
                List.of(first, act, middle, tanh, act, last, tanh),
                List.of(new Sequential(List.of(first, act)), new Sequential(List.of(middle)), act,
                        new Sequential(List.of(last))));
        return patterns.stream().map(Sequential::new).toList();
    }

    /** Norms, dropout and residual blocks in every place where they can stand. */
    static List<Sequential> layerPatterns(int in, int hidden, int out) {
        Module first = new Linear(in, hidden);
        Module middle = new Linear(hidden, hidden);
        Module last = new Linear(hidden, out);
        Module gelu = new ActivationModule(Activation.GELU);
        Module norm = new LayerNorm(hidden, 1e-5);
        Module batchNorm = new BatchNorm(hidden, 1e-5, 0.1, false);
        Module dropout = new Dropout(0.4);
        List<List<Module>> patterns = List.of(
                List.of(new LayerNorm(in, 0.1), first, norm, gelu, last, new LayerNorm(out, 1e-3)),
                List.of(new BatchNorm(in, 0.1, 1, false), first, batchNorm, gelu, last, new BatchNorm(out, 1e-3, 0, true)),
                List.of(dropout, first, gelu, dropout, last, dropout),
                List.of(first, residual(middle, new ActivationModule(Activation.TANH)), last),
                List.of(residual(new Linear(in, in)), first, residual(batchNorm, gelu, middle, dropout), last),
                List.of(first, residual(residual(dropout), norm, residual(middle, gelu, middle)), gelu, last),
                List.of(first, new ActivationModule(Activation.SIGMOID), residual(middle, gelu, dropout), last));
        return patterns.stream().map(Sequential::new).toList();
    }

    private static Residual residual(Module... modules) {
        return new Residual(new Sequential(List.of(modules)));
    }

    /** Ends of ranges of {@code rows} rows each. */
    static Binding.RowSplit every(int rows) {
        return parameter -> {
            List<Integer> ends = new ArrayList<>();
            for (int end = rows; end < parameter.shape().rows(); end += rows) {
                ends.add(end);
            }
            ends.add(parameter.shape().rows());
            return ends.stream().mapToInt(Integer::intValue).toArray();
        };
    }

    void forward() {
        bound.forward(device.computeStream());
    }

    void backward(GradientListener listener) {
        bound.backward(device.computeStream(), listener);
    }

    RandomModel run() {
        forward();
        backward(GradientListener.NONE);
        return this;
    }

    double[] output() {
        return Buffers.read(bound.output().data());
    }

    double[] gradient(ParameterShape shape) {
        return Buffers.read(arena.parameter(shape.name()).gradient());
    }

    private static void fill(DeviceBuffer buffer, Random random, double scale) {
        double[] values = new double[Math.toIntExact(buffer.elementCount())];
        Arrays.setAll(values, i -> (float) (scale * (2 * random.nextDouble() - 1)));
        Buffers.write(buffer, values);
    }

    private static double[] notANumber(DeviceBuffer buffer) {
        double[] values = new double[Math.toIntExact(buffer.elementCount())];
        Arrays.fill(values, Double.NaN);
        return values;
    }
}

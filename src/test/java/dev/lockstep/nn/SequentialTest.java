package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class SequentialTest {
    private static final Module RELU = new ActivationModule(Activation.RELU);
    private static final Sequential MODEL = new Sequential(List.of(new Linear(4, 5), RELU, new Linear(5, 7),
            new ActivationModule(Activation.GELU), new Linear(7, 3)));

    private final Device device = new ReferenceDevice();

    @Test
    void shouldNameParametersByPositionAsPyTorch() {
        assertEquals(List.of(ParameterShape.matrix("0.weight", 5, 4), ParameterShape.bias("0.bias", 5),
                ParameterShape.matrix("2.weight", 7, 5), ParameterShape.bias("2.bias", 7),
                ParameterShape.matrix("4.weight", 3, 7), ParameterShape.bias("4.bias", 3)), MODEL.parameterShapes());
        Sequential nested = new Sequential(List.of(RELU, new Sequential(List.of(new Linear(1, 1)))));
        assertEquals(List.of("1.0.weight", "1.0.bias"),
                nested.parameterShapes().stream().map(ParameterShape::name).toList());
    }

    @Test
    void shouldFollowFeaturesThroughTheLayers() {
        assertEquals(3, MODEL.outputFeatures(4));
        assertEquals(9, new Sequential(List.of(RELU)).outputFeatures(9));
    }

    @Test
    void shouldNameTheLayerThatDoesNotFitTheOneBefore() {
        Sequential model = new Sequential(List.of(new Linear(4, 5), RELU, new Linear(6, 3)));
        assertEquals("layer 2: a linear layer of 6 inputs is given 5",
                assertThrows(IllegalArgumentException.class, () -> model.outputFeatures(4)).getMessage());
        assertEquals("layer 0: a linear layer of 4 inputs is given 8",
                assertThrows(IllegalArgumentException.class, () -> model.outputFeatures(8)).getMessage());
    }

    @Test
    void shouldRefuseModelsAndLayersOfNothing() {
        assertThrows(IllegalArgumentException.class, () -> new Sequential(List.of()));
        assertThrows(IllegalArgumentException.class, () -> new Linear(0, 1));
        assertThrows(IllegalArgumentException.class, () -> new Linear(1, 0));
    }

    @Test
    void shouldTellOfGradientsInBackwardOrderRowRangeByRowRange() {
        List<String> told = new ArrayList<>();
        RandomModel model = random(RandomModel.every(3));
        model.forward();
        model.backward((parameter, rows) -> told.add(parameter.name() + " " + rows));
        assertEquals(List.of("4.bias 3", "4.weight 3", "2.bias 7", "2.weight 3", "2.weight 6", "2.weight 7", "0.bias 5",
                "0.weight 3", "0.weight 5"), told);
    }

    @Test
    void shouldTellOfGradientsOnceTheyAreWrittenAndNotBefore() {
        RandomModel model = random(RandomModel.every(2));
        model.forward();
        model.backward((parameter, rows) -> {
            double[] gradient = Buffers.read(parameter.gradient());
            int written = rows * parameter.shape().rowElements();
            assertTrue(Arrays.stream(gradient, 0, written).noneMatch(Double::isNaN), parameter::name);
            assertTrue(Arrays.stream(gradient, written, gradient.length).allMatch(Double::isNaN), parameter::name);
        });
    }

    @Test
    void shouldComputeTheSameGradientInRowRangesAsAtOnce() {
        RandomModel whole = random(Binding.RowSplit.WHOLE).run();
        for (int rows = 1; rows < 8; rows++) {
            RandomModel split = random(RandomModel.every(rows)).run();
            assertArrayEquals(Buffers.read(whole.arena.gradients()), Buffers.read(split.arena.gradients()));
        }
    }

    @Test
    void shouldOverwriteGradientsInsteadOfAddingToThem() {
        RandomModel model = random(Binding.RowSplit.WHOLE).run();
        double[] first = Buffers.read(model.arena.gradients());
        double[] firstOfInput = Buffers.read(model.inputGradient.data());
        model.run();
        assertArrayEquals(first, Buffers.read(model.arena.gradients()));
        assertArrayEquals(firstOfInput, Buffers.read(model.inputGradient.data()));
    }

    @Test
    void shouldLeaveTheArenasGapsAtZero() {
        RandomModel model = random(Binding.RowSplit.WHOLE).run();
        double[] gradients = Buffers.read(model.arena.gradients());
        for (Parameter parameter : model.arena.backwardOrder()) {
            long count = parameter.shape().elementCount();
            for (long i = count; i < ParameterArena.aligned(count); i++) {
                assertEquals(0, gradients[(int) (parameter.firstElement() + i)]);
            }
        }
    }

    @Test
    void shouldComputeTheSameWithoutAGradientOfTheInput() {
        for (Activation activation : Activation.values()) {
            for (Sequential model : RandomModel.patterns(activation, 4, 5, 3)) {
                RandomModel expected =
                        new RandomModel(device, DataType.FLOAT32, model, 6, 4, Binding.RowSplit.WHOLE).run();
                double[] gradients = Buffers.read(expected.arena.gradients());
                BoundModule other = model.bind(Binding.forTraining(device, new Workspace(device), expected.arena,
                        Binding.RowSplit.WHOLE, new Timeline(device)), expected.input, null);
                Buffers.write(expected.arena.gradients(), new double[gradients.length]);
                Buffers.write(other.outputGradient().data(), Buffers.read(expected.bound.outputGradient().data()));
                other.forward(device.computeStream());
                other.backward(device.computeStream(), GradientListener.NONE);
                assertArrayEquals(expected.output(), Buffers.read(other.output().data()), model::toString);
                assertArrayEquals(gradients, Buffers.read(expected.arena.gradients()), model::toString);
            }
        }
    }

    @Test
    void shouldShareMemoryBetweenALargeAndASmallBatch() {
        RandomModel large = random(Binding.RowSplit.WHOLE);
        Workspace workspace = new Workspace(device);
        Binding binding = Binding.forTraining(device, workspace, large.arena, Binding.RowSplit.WHOLE,
                new Timeline(device));
        MODEL.bind(binding, large.input, null);
        long allocated = device.allocatedBytes();
        workspace.rewind();
        Matrix fewer = large.input.rows(0, 2);
        BoundModule small = MODEL.bind(binding, fewer, null);
        assertEquals(allocated, device.allocatedBytes());

        small.forward(device.computeStream());
        large.forward();
        assertArrayEquals(Arrays.copyOf(large.output(), 2 * 3), Buffers.read(small.output().data()));
    }

    @Test
    void shouldEvaluateWithoutGradientsInLessMemory() {
        RandomModel trained = random(Binding.RowSplit.WHOLE);
        trained.forward();
        long before = device.allocatedBytes();
        BoundModule evaluated = MODEL.bind(Binding.forEvaluation(device, new Workspace(device), trained.arena),
                trained.input, null);
        // 6 samples of 5 (its ReLU in place), 7, again 7 for GELU, and 3 features.
        assertEquals(4 * 6 * (5 + 7 + 7 + 3), device.allocatedBytes() - before);
        evaluated.forward(device.computeStream());
        assertNull(evaluated.outputGradient());
        assertArrayEquals(trained.output(), Buffers.read(evaluated.output().data()));
    }

    @Test
    void shouldEvaluateAnArenaWithoutGradients() {
        ParameterArena arena = new ParameterArena(device, MODEL.parameterShapes(), false);
        RandomModel trained = random(Binding.RowSplit.WHOLE).run();
        Buffers.write(arena.values(), Buffers.read(trained.arena.values()));
        BoundModule evaluated =
                MODEL.bind(Binding.forEvaluation(device, new Workspace(device), arena), trained.input, null);
        evaluated.forward(device.computeStream());
        assertArrayEquals(trained.output(), Buffers.read(evaluated.output().data()));
        assertFalse(Arrays.stream(trained.output()).allMatch(x -> x == 0));
    }

    private RandomModel random(Binding.RowSplit rowSplit) {
        return new RandomModel(device, DataType.FLOAT32, MODEL, 6, 4, rowSplit);
    }
}

package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole models on the CPU backend, in FLOAT32, against the reference in FLOAT64, over the same numbers. */
@Timeout(120)
class SequentialOnCpuTest {
    /** Of the largest number compared; sums of up to 520 products of floats, passed through up to four layers. */
    private static final double TOLERANCE = 1e-5;
    /** Activations are approximated to so much, also where they are nearly zero themselves. */
    private static final double FUNCTION_TOLERANCE = 1e-6;

    /** Behind a norm whole gradients cancel, as a bias's in front of it does. */
    private static final double NORM_TOLERANCE = 1e-5;

    /** Batch, in, hidden, out. */
    private static final int[][] SHAPES = {{1, 1, 1, 1}, {3, 5, 7, 2}, {2, 17, 33, 1}, {17, 31, 65, 10},
            {65, 127, 3, 64}};

    private final Device cpu = new CpuDevice(1);
    private final Device reference = new ReferenceDevice();

    @AfterEach
    void closeDevices() {
        cpu.close();
        reference.close();
    }

    @ParameterizedTest
    @EnumSource
    void shouldComputeEveryPatternOfLayersAsTheReference(Activation activation) {
        for (int[] shape : SHAPES) {
            for (Sequential model : RandomModel.patterns(activation, shape[1], shape[2], shape[3])) {
                assertAgree(model, shape[0], shape[1], Binding.RowSplit.WHOLE);
                assertAgree(model, shape[0], shape[1], RandomModel.every(3));
            }
        }
    }

    @Test
    void shouldComputeNormsDropoutAndResidualBlocksAsTheReference() {
        for (int[] shape : SHAPES) {
            if (shape[0] > 2) {
                for (Sequential model : RandomModel.layerPatterns(shape[1], shape[2], shape[3])) {
                    assertAgree(model, shape[0], shape[1], RandomModel.every(3), NORM_TOLERANCE);
                }
            }
        }
    }

    /** Large enough for the other kernels that the CPU backend has for large products. */
    @Test
    void shouldComputeLargeProductsAsTheReference() {
        Sequential model = new Sequential(List.of(new Linear(520, 520), new ActivationModule(Activation.SIGMOID),
                new Linear(520, 3)));
        assertAgree(model, 130, 520, Binding.RowSplit.WHOLE);
    }

    /** So many rows that the CPU computes their gradient in several ranges. */
    @Test
    void shouldComputeGradientsInRowRangesAsTheReference() {
        int rows = 3 * cpu.operations().weightGradientRows() - 77;
        Sequential model = new Sequential(List.of(new Linear(5, rows), new ActivationModule(Activation.TANH),
                new Linear(rows, 3)));
        List<Integer> told = new ArrayList<>();
        RandomModel split = new RandomModel(cpu, DataType.FLOAT32, model, 3, 5, RandomModel.every(100));
        split.forward();
        split.backward((parameter, end) -> {
            if (parameter.name().equals("0.weight")) {
                told.add(end);
            }
        });
        assertEquals(3, told.size(), told::toString);
        assertAgree(model, 3, 5, RandomModel.every(100));
    }

    private void assertAgree(Sequential model, int batch, int in, Binding.RowSplit rowSplit) {
        assertAgree(model, batch, in, rowSplit, FUNCTION_TOLERANCE);
    }

    private void assertAgree(Sequential model, int batch, int in, Binding.RowSplit rowSplit, double absolute) {
        RandomModel actual = new RandomModel(cpu, DataType.FLOAT32, model, batch, in, rowSplit).run();
        RandomModel expected =
                new RandomModel(reference, DataType.FLOAT64, model, batch, in, Binding.RowSplit.WHOLE).run();
        String what = "batch " + batch + ", " + model;
        assertClose(what + ", output", expected.output(), actual.output(), absolute);
        for (ParameterShape shape : model.parameterShapes()) {
            assertClose(what + ", gradient of " + shape.name(), expected.gradient(shape), actual.gradient(shape),
                    absolute);
        }
        assertClose(what + ", gradient of the input", Buffers.read(expected.inputGradient.data()),
                Buffers.read(actual.inputGradient.data()), absolute);
    }

    private static void assertClose(String what, double[] expected, double[] actual, double absolute) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        assertTrue(Double.isFinite(largest), what);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], TOLERANCE * largest + absolute, what + ", element " + i);
        }
    }
}

package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Operation;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.Parameter;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole models with cross-entropy, forward and backward, against central finite differences of the loss in FLOAT64. */
@Timeout(60)
class SequentialGradientTest {
    /** Near the cube root of the unit roundoff, where truncation and rounding leave some 1e-10. */
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 1e-8;
    private static final int BATCH = 3;
    private static final int IN = 4;
    private static final int HIDDEN = 5;
    private static final int CLASSES = 3;
    private static final int RANKS = 2;

    private final Device device = new ReferenceDevice();

    @ParameterizedTest
    @EnumSource
    void shouldDifferentiateTheLossByEveryParameterAndInput(Activation activation) {
        RandomModel.patterns(activation, IN, HIDDEN, CLASSES).forEach(this::assertDifferentiates);
    }

    @Test
    void shouldDifferentiateTheLossThroughNormsDropoutAndResidualBlocks() {
        RandomModel.layerPatterns(IN, HIDDEN, CLASSES).forEach(this::assertDifferentiates);
    }

    private void assertDifferentiates(Sequential model) {
        RandomModel random = new RandomModel(device, DataType.FLOAT64, model, BATCH, IN, RandomModel.every(2));
        CrossEntropyLoss loss = new CrossEntropyLoss(device);
        Operation lossOperation = loss.bind(random.bound, Buffers.ints(device, 2, 0, 2), 3, RANKS);
        DoubleSupplier objective = () -> {
            random.forward();
            lossOperation.enqueue(device.computeStream());
            return loss.read(device.computeStream(), LossStatistics.BATCH_MEAN) / RANKS;
        };
        objective.getAsDouble();
        random.backward(GradientListener.NONE);

        for (Parameter parameter : random.arena.modelOrder()) {
            assertIsDerivative(model + ", " + parameter.name(), parameter.gradient(), parameter.value(), objective);
        }
        assertIsDerivative(model + ", input", random.inputGradient.data(), random.input.data(), objective);
    }

    private static void assertIsDerivative(String what, DeviceBuffer gradient, DeviceBuffer argument,
            DoubleSupplier objective) {
        double[] gradients = Buffers.read(gradient);
        double[] arguments = Buffers.read(argument);
        for (int i = 0; i < arguments.length; i++) {
            DeviceBuffer element = argument.slice(i, 1);
            Buffers.write(element, arguments[i] + STEP);
            double above = objective.getAsDouble();
            Buffers.write(element, arguments[i] - STEP);
            double below = objective.getAsDouble();
            Buffers.write(element, arguments[i]);
            assertEquals((above - below) / (2 * STEP), gradients[i], TOLERANCE, what + ", element " + i);
        }
    }
}

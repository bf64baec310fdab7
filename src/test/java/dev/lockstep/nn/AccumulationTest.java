package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.Workspace;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Micro-batches, the first of which overwrites and the others add, against the whole batch at once; in double. */
@Timeout(60)
class AccumulationTest {
    private static final int BATCH = 7;
    private static final int[] ENDS = {3, 5, 7};
    private static final int IN = 4;

    @ParameterizedTest
    @EnumSource
    void shouldAddUpToTheGradientOfTheWholeBatch(Activation activation) {
        try (Device device = new ReferenceDevice()) {
            for (Sequential model : RandomModel.patterns(activation, IN, 5, 3)) {
                RandomModel whole = new RandomModel(device, DataType.FLOAT64, model, BATCH, IN, RandomModel.every(2)).run();
                RandomModel parts = new RandomModel(device, DataType.FLOAT64, model, BATCH, IN, RandomModel.every(2));
                Workspace workspace = new Workspace(device, DataType.FLOAT64);
                int first = 0;
                for (int end : ENDS) {
                    workspace.rewind();
                    Binding binding = Binding.forTraining(device, workspace, parts.arena, RandomModel.every(2),
                            new Timeline(device));
                    BoundModule bound = model.bind(first == 0 ? binding : binding.accumulating(),
                            parts.input.rows(first, end - first), parts.inputGradient.rows(first, end - first));
                    bound.forward(device.computeStream());
                    Matrix gradients = whole.bound.outputGradient().rows(first, end - first);
                    Buffers.write(bound.outputGradient().data(), Buffers.read(gradients.data()));
                    bound.backward(device.computeStream(), GradientListener.NONE);
                    first = end;
                }
                for (Parameter parameter : whole.arena.modelOrder()) {
                    assertArrayEquals(whole.gradient(parameter.shape()), parts.gradient(parameter.shape()), 1e-14,
                            () -> model + ", " + parameter.name());
                }
                assertArrayEquals(Buffers.read(whole.inputGradient.data()), Buffers.read(parts.inputGradient.data()), 1e-14);
            }
        }
    }
}

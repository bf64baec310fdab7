package dev.lockstep.nn;

import static dev.lockstep.Golden.numbers;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.Workspace;
import org.junit.jupiter.api.Test;

/** Both norms on the reference in FLOAT64 against PyTorch in float64. */
class NormGoldenTest {
    /** Of numbers that are some units large, at most. */
    private static final double TOLERANCE = 1e-11;

    private final Device device = new ReferenceDevice();

    @Test
    void shouldComputeNormsForwardBackwardAndInEvaluationAsPyTorch() {
        JsonNode cases = Golden.file("layers/layers").get("norms");
        assertEquals(4, cases.size());
        cases.forEach(this::check);
    }

    private void check(JsonNode golden) {
        int features = golden.get("features").asInt();
        double eps = golden.get("eps").asDouble();
        boolean ofBatch = golden.get("kind").asText().equals("BatchNorm1d");
        Module norm = ofBatch ? new BatchNorm(features, eps, golden.get("momentum").asDouble(), false)
                : new LayerNorm(features, eps);
        ParameterArena arena = new ParameterArena(device, DataType.FLOAT64, norm.parameterShapes(), true);
        ModelBuffers buffers = new ModelBuffers(device, DataType.FLOAT64, norm.bufferShapes());
        Buffers.write(arena.parameter("weight").value(), numbers(golden.get("weight")));
        Buffers.write(arena.parameter("bias").value(), numbers(golden.get("bias")));
        int batches = 0;
        for (JsonNode step : golden.get("steps")) {
            int batch = step.get("batch").asInt();
            Matrix x = matrix(step.get("x"), features);
            Matrix xGradient = Matrix.allocate(device, DataType.FLOAT64, batch, features);
            BoundModule bound = norm.bind(Binding.forTraining(device, new Workspace(device, DataType.FLOAT64), arena,
                    Binding.RowSplit.WHOLE, new Timeline(device)).with(buffers), x, xGradient);
            bound.forward(device.computeStream());
            assertClose("y", step, bound.output().data());
            Buffers.write(bound.outputGradient().data(), numbers(step.get("y_gradient")));
            bound.backward(device.computeStream(), GradientListener.NONE);
            assertClose("x_gradient", step, xGradient.data());
            assertClose("weight_gradient", step, arena.parameter("weight").gradient());
            assertClose("bias_gradient", step, arena.parameter("bias").gradient());
            batches++;
            if (ofBatch) {
                assertClose("running_mean", step, buffers.values("running_mean"));
                assertClose("running_var", step, buffers.values("running_var"));
                assertEquals(batches, Buffers.read(buffers.values("num_batches_tracked"))[0]);
            }
        }
        assertTrue(batches > 2);
        JsonNode evaluation = golden.get("evaluation");
        BoundModule evaluated = norm.bind(Binding.forEvaluation(device, new Workspace(device, DataType.FLOAT64), arena)
                .with(buffers), matrix(evaluation.get("x"), features), null);
        evaluated.forward(device.computeStream());
        assertClose("y", evaluation, evaluated.output().data());
    }

    private Matrix matrix(JsonNode numbers, int features) {
        return Buffers.matrix(device, DataType.FLOAT64, numbers.size() / features, features, numbers(numbers));
    }

    private static void assertClose(String name, JsonNode golden, DeviceBuffer actual) {
        double[] expected = numbers(golden.get(name));
        double[] actuals = Buffers.read(actual);
        assertEquals(expected.length, actuals.length, name);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actuals[i], TOLERANCE * Math.max(1, Math.abs(expected[i])), name + ", element " + i);
        }
    }
}

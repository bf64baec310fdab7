package dev.lockstep.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Against torch.nn.utils.clip_grad_norm_ and clip_grad_value_ in float64. */
class GradientClippingTest {
    private static final List<ParameterShape> SHAPES = List.of(ParameterShape.matrix("0.weight", 3, 2),
            ParameterShape.vector("0.bias", 3), ParameterShape.matrix("2.weight", 2, 3), ParameterShape.vector("2.bias", 2));

    static List<Named<JsonNode>> cases() {
        return Golden.cases("clipping/clipping").stream().map(golden ->
                Named.of("norm " + golden.get("maxNorm") + ", value " + golden.get("clipValue"), golden)).toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void shouldClipAsPyTorch(JsonNode golden) {
        check(new ReferenceDevice(), DataType.FLOAT64, golden, 1e-14, 64);
        check(new ReferenceDevice(), DataType.FLOAT64, golden, 1e-14, 1, 16, 17, 40, 64);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void shouldClipAsPyTorchOnTheCpu(JsonNode golden) {
        check(new CpuDevice(1), DataType.FLOAT32, golden, 1e-6, 64);
        check(new CpuDevice(1), DataType.FLOAT32, golden, 1e-6, 16, 32, 33, 64);
    }

    /** In ranges that end at the given elements. */
    private static void check(Device device, DataType type, JsonNode golden, double relativeTolerance, long... rangeEnds) {
        try (device) {
            ParameterArena arena = new ParameterArena(device, type, SHAPES, true);
            for (Parameter parameter : arena.modelOrder()) {
                Buffers.write(parameter.gradient(), numbers(golden.get("gradients").get(parameter.name())));
            }
            GradientClipping clipping = new GradientClipping(device, arena, number(golden.get("maxNorm")),
                    number(golden.get("clipValue")), rangeEnds.length);
            long start = 0;
            for (int range = 0; range < rangeEnds.length && clipping.byNorm(); range++) {
                clipping.sumOfSquares(range, start, rangeEnds[range] - start).enqueue(device.computeStream());
                start = rangeEnds[range];
            }
            if (clipping.byNorm()) {
                clipping.coefficient().enqueue(device.computeStream());
            }
            start = 0;
            for (long end : rangeEnds) {
                clipping.clip(start, end - start).enqueue(device.computeStream());
                start = end;
            }
            assertEquals(arena.elementCount(), start);
            device.computeStream().synchronize();
            for (Parameter parameter : arena.modelOrder()) {
                double[] expected = numbers(golden.get("clipped").get(parameter.name()));
                double[] actual = Buffers.read(parameter.gradient());
                for (int i = 0; i < expected.length; i++) {
                    assertEquals(expected[i], actual[i], relativeTolerance * Math.abs(expected[i]),
                            "element " + i + " of " + parameter.name());
                }
            }
        }
    }

    private static OptionalDouble number(JsonNode json) {
        return json.isNull() ? OptionalDouble.empty() : OptionalDouble.of(json.asDouble());
    }

    private static double[] numbers(JsonNode json) {
        return StreamSupport.stream(json.spliterator(), false).mapToDouble(JsonNode::asDouble).toArray();
    }
}

package dev.lockstep.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Against torch.optim.SGD in float64; golden/operations/sgd.json holds five steps of each variant. */
class SgdTest {
    /** The six numbers of the golden values as two parameters, in model order, with gaps behind them in the arena. */
    private static final List<ParameterShape> SHAPES =
            List.of(ParameterShape.matrix("weight", 2, 2), ParameterShape.bias("bias", 2));
    private static final int STEPS = 5;

    static List<Named<JsonNode>> variants() throws IOException {
        try (InputStream file = SgdTest.class.getResourceAsStream("/golden/operations/sgd.json")) {
            List<Named<JsonNode>> variants = new ArrayList<>();
            for (JsonNode golden : new ObjectMapper().readTree(file)) {
                String name = "momentum " + golden.get("momentum") + ", dampening " + golden.get("dampening")
                        + ", weight decay " + golden.get("weightDecay") + ", nesterov " + golden.get("nesterov");
                variants.add(Named.of(name, golden));
            }
            return variants;
        }
    }

    /** An optimizer at work on one variant, its update bound in ranges that end at the given elements. */
    private static final class Run {
        private final JsonNode golden;
        private final Device device;
        private final ParameterArena arena;
        private final Sgd sgd;
        private final long[] rangeEnds;

        Run(Device device, DataType type, JsonNode golden, long... rangeEnds) {
            this.golden = golden;
            this.device = device;
            this.rangeEnds = rangeEnds;
            arena = new ParameterArena(device, type, SHAPES, true);
            sgd = new Sgd(device, arena, new SgdSettings(golden.get("lr").asDouble(), golden.get("momentum").asDouble(),
                    golden.get("weightDecay").asDouble(), golden.get("dampening").asDouble(),
                    golden.get("nesterov").asBoolean()));
            for (Parameter parameter : arena.modelOrder()) {
                Buffers.write(parameter.value(), part(golden.get("initial"), parameter));
            }
        }

        /** Steps {@code first} to {@code last}, counted from 1. */
        Run steps(int first, int last) {
            for (int step = first; step <= last; step++) {
                JsonNode gradient = golden.get("steps").get(step - 1).get("gradient");
                for (Parameter parameter : arena.modelOrder()) {
                    Buffers.write(parameter.gradient(), part(gradient, parameter));
                }
                sgd.beginStep();
                long start = 0;
                for (long end : rangeEnds) {
                    sgd.bind(start, end - start).enqueue(device.computeStream());
                    start = end;
                }
                assertEquals(arena.elementCount(), start);
            }
            return this;
        }

        void assertAsGolden(int step, double relativeTolerance) {
            for (Parameter parameter : arena.modelOrder()) {
                double[] expected = part(golden.get("steps").get(step - 1).get("parameter"), parameter);
                double[] actual = Buffers.read(parameter.value());
                for (int i = 0; i < expected.length; i++) {
                    assertEquals(expected[i], actual[i], relativeTolerance * Math.max(1, Math.abs(expected[i])),
                            "step " + step + ", element " + i + " of " + parameter.name());
                }
            }
        }

        double[] values() {
            return Buffers.read(arena.values());
        }

        private static double[] part(JsonNode numbers, Parameter parameter) {
            double[] all = StreamSupport.stream(numbers.spliterator(), false).mapToDouble(JsonNode::asDouble).toArray();
            assertEquals(6, all.length);
            return parameter.name().equals("weight") ? Arrays.copyOf(all, 4) : Arrays.copyOfRange(all, 4, 6);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void shouldUpdateAsPyTorch(JsonNode golden) {
        assertEquals(STEPS, golden.get("steps").size());
        Run run = new Run(new ReferenceDevice(), DataType.FLOAT64, golden, 32);
        for (int step = 1; step <= STEPS; step++) {
            run.steps(step, step).assertAsGolden(step, 1e-14);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void shouldUpdateAsPyTorchOnTheCpu(JsonNode golden) {
        try (Device device = new CpuDevice(1)) {
            Run run = new Run(device, DataType.FLOAT32, golden, 32);
            for (int step = 1; step <= STEPS; step++) {
                run.steps(step, step).assertAsGolden(step, 1e-6);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void shouldUpdateRangeByRangeAsAtOnce(JsonNode golden) {
        try (Device device = new CpuDevice(1)) {
            double[] whole = new Run(device, DataType.FLOAT32, golden, 32).steps(1, STEPS).values();
            assertArrayEquals(whole,
                    new Run(device, DataType.FLOAT32, golden, 1, 16, 17, 19, 20, 32).steps(1, STEPS).values());
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void shouldLeaveTheArenasGapsAtZero(JsonNode golden) {
        Run run = new Run(new ReferenceDevice(), DataType.FLOAT32, golden, 32).steps(1, STEPS);
        double[] gaps = run.values();
        for (Parameter parameter : run.arena.modelOrder()) {
            int first = (int) parameter.firstElement();
            Arrays.fill(gaps, first, first + (int) parameter.shape().elementCount(), 0);
        }
        assertArrayEquals(new double[32], gaps);
    }

    /** As after torch's load_state_dict: the buffer and the number of steps are all that an SGD remembers. */
    @ParameterizedTest
    @MethodSource("variants")
    void shouldGoOnFromAStateThatWasKept(JsonNode golden) {
        Device device = new ReferenceDevice();
        Run before = new Run(device, DataType.FLOAT64, golden, 32).steps(1, 2);
        Run after = new Run(device, DataType.FLOAT64, golden, 32);
        Buffers.write(after.arena.values(), before.values());
        before.sgd.state().forEach((name, buffer) ->
                Buffers.write(after.sgd.state().get(name), Buffers.read(buffer)));
        after.sgd.setSteps(before.sgd.steps());
        after.steps(3, STEPS).assertAsGolden(STEPS, 1e-14);
        assertEquals(STEPS, after.sgd.steps());
    }

    @Test
    void shouldReadItsBufferFromTheSecondStepOnAndNotInTheFirst() throws IOException {
        JsonNode golden = variants().stream().map(Named::getPayload).filter(g -> g.get("momentum").asDouble() > 0)
                .findFirst().orElseThrow();
        Device device = new ReferenceDevice();
        Run started = new Run(device, DataType.FLOAT64, golden, 32);
        DeviceBuffer buffer = started.sgd.state().get("momentum_buffer");
        double[] old = new double[32];
        Arrays.fill(old, 1000);
        Buffers.write(buffer, old);
        started.steps(1, 1).assertAsGolden(1, 1e-14);
        Buffers.write(buffer, old);
        started.steps(2, 2);
        assertTrue(Arrays.stream(Buffers.read(started.arena.parameter("bias").value())).allMatch(x -> x < -100));
    }

    @Test
    void shouldKeepItsStateUnderPyTorchsNames() throws IOException {
        for (Named<JsonNode> variant : variants()) {
            Run run = new Run(new ReferenceDevice(), DataType.FLOAT64, variant.getPayload(), 32);
            boolean momentum = variant.getPayload().get("momentum").asDouble() > 0;
            assertEquals(momentum ? Set.of("momentum_buffer") : Set.of(), run.sgd.state().keySet());
            run.sgd.state().values().forEach(buffer -> {
                assertEquals(run.arena.elementCount(), buffer.elementCount());
                assertEquals(DataType.FLOAT64, buffer.type());
            });
        }
    }

    /** What torch.optim.SGD refuses, too. */
    @Test
    void shouldRefuseNesterovWithoutMomentumOrWithDampening() {
        assertThrows(IllegalArgumentException.class, () -> new SgdSettings(0.1, 0, 0, 0, true));
        assertThrows(IllegalArgumentException.class, () -> new SgdSettings(0.1, 0.9, 0, 0.1, true));
    }
}

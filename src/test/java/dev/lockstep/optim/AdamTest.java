package dev.lockstep.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.cuda.CudaDeviceOrSkip;
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

/** Against torch.optim.Adam and AdamW: golden/optim/adam.json holds fifty steps of each variant. */
class AdamTest {
    /** The six numbers of the golden values as two parameters, in model order, with gaps behind them in the arena. */
    private static final List<ParameterShape> SHAPES =
            List.of(ParameterShape.matrix("weight", 2, 2), ParameterShape.vector("bias", 2));
    private static final int STEPS = 50;
    private static final JsonNode GOLDEN = read();

    private static JsonNode read() {
        try (InputStream file = AdamTest.class.getResourceAsStream("/golden/optim/adam.json")) {
            return new ObjectMapper().readTree(file);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    static List<Named<JsonNode>> variants() {
        List<Named<JsonNode>> variants = new ArrayList<>();
        for (JsonNode golden : GOLDEN.get("cases")) {
            variants.add(Named.of(golden.get("optimizer").asText() + ", lr " + golden.get("lr") + ", betas "
                    + golden.get("betas") + ", eps " + golden.get("eps") + ", weight decay " + golden.get("weightDecay"), golden));
        }
        return variants;
    }

    /** An optimizer at work on one variant, its update bound in ranges that end at the given elements. */
    private static final class Run {
        private final JsonNode golden;
        private final Device device;
        private final ParameterArena arena;
        private final Adam adam;
        private final long[] rangeEnds;

        Run(Device device, DataType type, JsonNode golden, long... rangeEnds) {
            this.golden = golden;
            this.device = device;
            this.rangeEnds = rangeEnds;
            arena = new ParameterArena(device, type, SHAPES, true);
            adam = new Adam(device, arena, new AdamSettings(golden.get("lr").asDouble(), golden.get("betas").get(0).asDouble(),
                    golden.get("betas").get(1).asDouble(), golden.get("eps").asDouble(), golden.get("weightDecay").asDouble(),
                    golden.get("optimizer").asText().equals("adamw")));
            for (Parameter parameter : arena.modelOrder()) {
                Buffers.write(parameter.value(), part(GOLDEN.get("initial"), parameter));
            }
        }

        /** Steps {@code first} to {@code last}, counted from 1. */
        Run steps(int first, int last) {
            for (int step = first; step <= last; step++) {
                for (Parameter parameter : arena.modelOrder()) {
                    Buffers.write(parameter.gradient(), part(GOLDEN.get("gradients").get(step - 1), parameter));
                }
                adam.beginStep();
                long start = 0;
                for (long end : rangeEnds) {
                    adam.bind(start, end - start).enqueue(device.computeStream());
                    start = end;
                }
                assertEquals(arena.elementCount(), start);
            }
            return this;
        }

        void assertAsGolden(String type, int step, double relativeTolerance) {
            for (Parameter parameter : arena.modelOrder()) {
                assertClose("step " + step + ", " + parameter.name(), part(golden.get(type).get(step - 1), parameter),
                        Buffers.read(parameter.value()), relativeTolerance);
            }
        }

        /** The running averages after the last step, in float. */
        void assertStateAsGolden(double relativeTolerance) {
            for (Parameter parameter : arena.modelOrder()) {
                adam.state().forEach((name, buffer) -> assertClose(name + " of " + parameter.name(),
                        part(golden.get(name), parameter),
                        Buffers.read(buffer.slice(parameter.firstElement(), parameter.shape().elementCount())),
                        relativeTolerance));
            }
        }

        double[] values() {
            return Buffers.read(arena.values());
        }

        private static void assertClose(String what, double[] expected, double[] actual, double relativeTolerance) {
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], actual[i], relativeTolerance * Math.abs(expected[i]), what + ", element " + i);
            }
        }

        private static double[] part(JsonNode numbers, Parameter parameter) {
            double[] all = StreamSupport.stream(numbers.spliterator(), false).mapToDouble(JsonNode::asDouble).toArray();
            assertEquals(6, all.length);
            return parameter.name().equals("weight") ? Arrays.copyOf(all, 4) : Arrays.copyOfRange(all, 4, 6);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void shouldUpdateAsPyTorchInDoubles(JsonNode golden) {
        Run run = new Run(new ReferenceDevice(), DataType.FLOAT64, golden, 32);
        for (int step = 1; step <= STEPS; step++) {
            run.steps(step, step).assertAsGolden("float64", step, 1e-12);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void shouldUpdateAsPyTorchOnTheCpu(JsonNode golden) {
        try (Device device = new CpuDevice(1)) {
            checkFloats(device, golden);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void shouldUpdateAsPyTorchOnAGpu(JsonNode golden) {
        try (Device device = CudaDeviceOrSkip.openOrSkip()) {
            checkFloats(device, golden);
        }
    }

    private static void checkFloats(Device device, JsonNode golden) {
        Run run = new Run(device, DataType.FLOAT32, golden, 32);
        for (int step = 1; step <= STEPS; step++) {
            run.steps(step, step).assertAsGolden("float32", step, 1e-6);
        }
        run.assertStateAsGolden(1e-5);
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

    /** As after torch's load_state_dict: the averages and the number of steps are all that it remembers. */
    @ParameterizedTest
    @MethodSource("variants")
    void shouldGoOnFromAStateThatWasKept(JsonNode golden) {
        Device device = new ReferenceDevice();
        Run before = new Run(device, DataType.FLOAT64, golden, 32).steps(1, 7);
        Run after = new Run(device, DataType.FLOAT64, golden, 32);
        Buffers.write(after.arena.values(), before.values());
        before.adam.state().forEach((name, buffer) ->
                Buffers.write(after.adam.state().get(name), Buffers.read(buffer)));
        after.adam.setSteps(before.adam.steps());
        after.steps(8, STEPS).assertAsGolden("float64", STEPS, 1e-12);
        assertEquals(STEPS, after.adam.steps());
    }

    @Test
    void shouldKeepItsStateUnderPyTorchsNames() {
        Run run = new Run(new ReferenceDevice(), DataType.FLOAT64, variants().get(0).getPayload(), 32);
        assertEquals(Set.of("exp_avg", "exp_avg_sq"), run.adam.state().keySet());
        run.adam.state().values().forEach(buffer -> {
            assertEquals(run.arena.elementCount(), buffer.elementCount());
            assertEquals(DataType.FLOAT64, buffer.type());
        });
    }

    @Test
    void shouldRefuseNumbersThatCannotBe() {
        assertThrows(IllegalArgumentException.class, () -> new AdamSettings(0.1, 1, 0.9, 1e-8, 0, false));
        assertThrows(IllegalArgumentException.class, () -> new AdamSettings(0.1, 0.9, -0.1, 1e-8, 0, false));
        assertThrows(IllegalArgumentException.class, () -> new AdamSettings(0.1, 0.9, 0.9, 1e-60, 0, false));
    }
}

package dev.lockstep.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.ParameterShape.Role;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Against torch's param_groups under a schedule: golden/optim/groups.json holds fifty steps. */
class ParameterGroupsTest {
    private static final List<ParameterShape> SHAPES =
            List.of(ParameterShape.matrix("weight", 2, 2), ParameterShape.bias("bias", 2));
    private static final ParameterGroup BIASES = new ParameterGroup(shape -> shape.role() == Role.BIAS, 0.002, 0);
    private static final JsonNode GOLDEN = read();

    private static JsonNode read() {
        try (InputStream file = ParameterGroupsTest.class.getResourceAsStream("/golden/optim/groups.json")) {
            return new ObjectMapper().readTree(file);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    static List<Named<JsonNode>> optimizers() {
        return StreamSupport.stream(GOLDEN.get("cases").spliterator(), false)
                .map(golden -> Named.of(golden.get("optimizer").asText(), golden)).toList();
    }

    @ParameterizedTest
    @MethodSource("optimizers")
    void shouldUpdateEachGroupAsPyTorchWhateverTheRanges(JsonNode golden) {
        try (Device device = new CpuDevice(1)) {
            check(device, golden, 32);
            check(device, golden, 1, 15, 16, 17, 20, 32);
        }
    }

    private static void check(Device device, JsonNode golden, long... rangeEnds) {
        ParameterArena arena = new ParameterArena(device, SHAPES, true);
        Schedule schedule = new Schedule(Schedule.Unit.STEPS, 5, Optional.of(new Schedule.Decay.Cosine(45, 0)), 1);
        Optimizer optimizer = golden.get("optimizer").asText().equals("sgd")
                ? new Sgd(device, arena, new SgdSettings(0.01, 0.9, 0.1, 0, false), List.of(BIASES), schedule)
                : new Adam(device, arena, new AdamSettings(0.01, 0.9, 0.999, 1e-8, 0.1, true), List.of(BIASES), schedule);
        for (Parameter parameter : arena.modelOrder()) {
            Buffers.write(parameter.value(), part(GOLDEN.get("initial"), parameter));
        }
        for (int step = 0; step < 50; step++) {
            for (Parameter parameter : arena.modelOrder()) {
                Buffers.write(parameter.gradient(), part(GOLDEN.get("gradients").get(step), parameter));
            }
            schedule.moveTo(step, 0, step, 50);
            assertEquals(schedule.rate(0.01), optimizer.learningRate());
            optimizer.beginStep();
            long start = 0;
            for (long end : rangeEnds) {
                optimizer.bind(start, end - start).enqueue(device.computeStream());
                start = end;
            }
            for (Parameter parameter : arena.modelOrder()) {
                double[] expected = part(golden.get("steps").get(step), parameter);
                double[] actual = Buffers.read(parameter.value());
                for (int i = 0; i < expected.length; i++) {
                    assertEquals(expected[i], actual[i], 1e-6 * Math.abs(expected[i]),
                            "step " + (step + 1) + ", element " + i + " of " + parameter.name());
                }
            }
        }
    }

    private static double[] part(JsonNode numbers, Parameter parameter) {
        double[] all = StreamSupport.stream(numbers.spliterator(), false).mapToDouble(JsonNode::asDouble).toArray();
        return parameter.name().equals("weight") ? Arrays.copyOf(all, 4) : Arrays.copyOfRange(all, 4, 6);
    }

    @Test
    void shouldGiveAParameterToTheFirstGroupThatTakesIt() {
        Device device = new ReferenceDevice();
        ParameterArena arena = new ParameterArena(device, List.of(ParameterShape.matrix("0.weight", 1, 1),
                ParameterShape.bias("0.bias", 1), ParameterShape.vector("1.weight", 1, Role.NORM),
                ParameterShape.vector("1.bias", 1, Role.NORM)), true);
        Sgd sgd = new Sgd(device, arena, new SgdSettings(1, 0, 0, 0, false),
                List.of(new ParameterGroup(shape -> shape.role() == Role.NORM, 2, 0),
                        new ParameterGroup(shape -> shape.name().endsWith("bias"), 3, 0)), Schedule.constant());
        for (Parameter parameter : arena.modelOrder()) {
            Buffers.write(parameter.gradient(), -1);
        }
        sgd.beginStep();
        sgd.bind(0, arena.elementCount()).enqueue(device.computeStream());
        assertArrayEquals(new double[] {1, 3, 2, 2}, arena.modelOrder().stream()
                .mapToDouble(parameter -> Buffers.read(parameter.value())[0]).toArray());
    }

    /** As many operations as the range has groups in turn, so that without groups there is one. */
    @Test
    void shouldDivideARangeOnlyWhereTheGroupChanges() {
        ParameterArena arena = new ParameterArena(new ReferenceDevice(), SHAPES, true);
        List<String> parts = new ArrayList<>();
        ParameterGroups.Update update = (group, first, count) -> {
            parts.add(group + ": " + first + " + " + count);
            return stream -> { };
        };
        new ParameterGroups(arena, 1, 0, List.of()).bind(0, 32, update);
        ParameterGroups groups = new ParameterGroups(arena, 1, 0, List.of(BIASES));
        groups.bind(0, 32, update);
        groups.bind(3, 5, update);
        groups.bind(15, 2, update);
        groups.bind(16, 16, update);
        assertEquals(List.of("0: 0 + 32", "1: 0 + 16", "0: 16 + 16", "1: 3 + 5", "1: 15 + 1", "0: 16 + 1", "0: 16 + 16"),
                parts);
    }
}

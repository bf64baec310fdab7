package dev.lockstep.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.reference.ReferenceDevice;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ParameterArenaTest {
    private static final List<ParameterShape> SHAPES = List.of(ParameterShape.matrix("0.weight", 5, 7),
            ParameterShape.bias("0.bias", 5), ParameterShape.matrix("2.weight", 2, 8),
            ParameterShape.bias("2.bias", 2));

    private final ReferenceDevice device = new ReferenceDevice();
    private final ParameterArena arena = new ParameterArena(device, SHAPES, true);

    @Test
    void shouldLayParametersOutInBackwardOrderAtCacheLines() {
        assertEquals(List.of("2.bias", "2.weight", "0.bias", "0.weight"),
                arena.backwardOrder().stream().map(Parameter::name).toList());
        assertEquals(List.of(0L, 16L, 32L, 48L), arena.backwardOrder().stream().map(Parameter::firstElement).toList());
        assertEquals(List.of(0, 1, 2, 3), arena.backwardOrder().stream().map(Parameter::index).toList());
        assertEquals(48 + 48, arena.elementCount());
        assertEquals(96, arena.values().elementCount());
        assertEquals(96, arena.gradients().elementCount());
    }

    @Test
    void shouldKeepTheModelsOrder() {
        assertEquals(SHAPES, arena.modelOrder().stream().map(Parameter::shape).toList());
        assertSame(arena.backwardOrder().get(3), arena.modelOrder().get(0));
        assertSame(arena.backwardOrder().get(1), arena.parameter("2.weight"));
    }

    @Test
    void shouldShareTheArenasMemoryWithItsParameters() {
        Parameter bias = arena.parameter("0.bias");
        Buffers.write(bias.value(), 1, 2, 3, 4, 5);
        Buffers.write(bias.gradient(), -1, -2, -3, -4, -5);
        double[] expected = new double[96];
        for (int i = 0; i < 5; i++) {
            expected[32 + i] = i + 1;
        }
        assertArrayEquals(expected, Buffers.read(arena.values()));
        assertArrayEquals(Arrays.stream(expected).map(x -> 0 - x).toArray(), Buffers.read(arena.gradients()));
    }

    @Test
    void shouldShowParametersAsMatrices() {
        Parameter weight = arena.parameter("2.weight");
        Buffers.write(weight.value(), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        Buffers.write(weight.gradient(), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        Matrix matrix = weight.matrix();
        assertEquals("[2, 8]", matrix.toString());
        assertEquals(9, Buffers.read(matrix.data())[9]);
        Matrix second = weight.gradientRows(1, 1);
        assertEquals("[1, 8]", second.toString());
        assertArrayEquals(new double[] {8, 9, 10, 11, 12, 13, 14, 15}, Buffers.read(second.data()));
    }

    @Test
    void shouldHoldNoGradientsIfNotAskedTo() {
        ParameterArena evaluated = new ParameterArena(device, SHAPES, false);
        assertNull(evaluated.parameter("0.bias").gradient());
        assertThrows(IllegalStateException.class, evaluated::gradients);
        assertEquals(2 * arena.values().byteCount() + evaluated.values().byteCount(), device.allocatedBytes());
    }

    @Test
    void shouldHoldItsDataType() {
        assertEquals(DataType.FLOAT32, arena.values().type());
        ParameterArena doubles = new ParameterArena(device, DataType.FLOAT64, SHAPES, true);
        assertEquals(DataType.FLOAT64, doubles.values().type());
        assertEquals(DataType.FLOAT64, doubles.parameter("0.bias").gradient().type());
    }

    @Test
    void shouldRefuseTwoParametersOfOneName() {
        List<ParameterShape> shapes = List.of(ParameterShape.bias("bias", 1), ParameterShape.vector("bias", 2));
        assertEquals("two parameters named bias", assertThrows(IllegalArgumentException.class,
                () -> new ParameterArena(device, shapes, true)).getMessage());
    }

    @Test
    void shouldSayWhichParameterItLacks() {
        assertEquals("no parameter 1.weight", assertThrows(IllegalArgumentException.class,
                () -> arena.parameter("1.weight")).getMessage());
    }

    @Test
    void shouldRoundSizesUpToCacheLines() {
        assertEquals(0, ParameterArena.aligned(0));
        assertEquals(16, ParameterArena.aligned(1));
        assertEquals(16, ParameterArena.aligned(16));
        assertEquals(32, ParameterArena.aligned(17));
        assertEquals((1L << 40) + 16, ParameterArena.aligned((1L << 40) + 3));
        assertEquals(96, ParameterArena.elementCount(SHAPES));
    }
}

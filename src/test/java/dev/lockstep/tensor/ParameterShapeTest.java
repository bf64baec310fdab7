package dev.lockstep.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.tensor.ParameterShape.Role;
import org.junit.jupiter.api.Test;

class ParameterShapeTest {
    @Test
    void shouldCountTheElementsOfMatricesAndVectors() {
        ParameterShape weight = ParameterShape.matrix("weight", 5, 3);
        ParameterShape bias = ParameterShape.bias("bias", 5);
        assertTrue(weight.isMatrix());
        assertFalse(bias.isMatrix());
        assertEquals(3, weight.rowElements());
        assertEquals(1, bias.rowElements());
        assertEquals(15, weight.elementCount());
        assertEquals(5, bias.elementCount());
    }

    @Test
    void shouldTellAColumnFromAVector() {
        ParameterShape column = ParameterShape.matrix("weight", 5, 1);
        assertTrue(column.isMatrix());
        assertEquals(5, column.elementCount());
    }

    @Test
    void shouldCountMoreElementsThanAnIntHolds() {
        assertEquals(1L << 34, ParameterShape.matrix("weight", 1 << 17, 1 << 17).elementCount());
    }

    @Test
    void shouldNestNamesAsPyTorch() {
        assertEquals(ParameterShape.matrix("1.0.weight", 5, 3),
                ParameterShape.matrix("weight", 5, 3).within("0").within("1"));
    }

    @Test
    void shouldKeepWhatAParameterIsUnderItsFullName() {
        assertEquals(Role.WEIGHT, ParameterShape.matrix("weight", 5, 3).within("0").role());
        assertEquals(Role.WEIGHT, ParameterShape.vector("beta", 5).within("0").role());
        assertEquals(Role.BIAS, ParameterShape.bias("bias", 5).within("0").role());
        assertEquals(Role.NORM, ParameterShape.vector("bias", 5, Role.NORM).within("0").role());
    }

    @Test
    void shouldRefuseShapesWithoutElements() {
        assertThrows(IllegalArgumentException.class, () -> ParameterShape.bias("bias", 0));
        assertThrows(IllegalArgumentException.class, () -> ParameterShape.matrix("weight", 0, 3));
        assertThrows(IllegalArgumentException.class, () -> ParameterShape.matrix("weight", 3, 0));
        assertThrows(IllegalArgumentException.class, () -> ParameterShape.matrix("weight", 3, -1));
    }
}

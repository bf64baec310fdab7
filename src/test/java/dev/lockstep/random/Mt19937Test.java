package dev.lockstep.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;

class Mt19937Test {
    @Test
    void shouldGiveTheReferenceImplementationsTenThousandthNumber() {
        // The C++ standard demands 4123659995 of std::mt19937, whose default seed is 5489.
        Mt19937 generator = new Mt19937(5489);
        for (int i = 1; i < 10_000; i++) {
            generator.nextInt();
        }
        assertEquals(4_123_659_995L, Integer.toUnsignedLong(generator.nextInt()));
    }

    @Test
    void shouldPermuteAsPyTorchForEverySeedAndSize() {
        for (JsonNode expected : Golden.cases("randperm")) {
            Mt19937 generator = new Mt19937(expected.get("seed").asLong());
            assertEquals(Golden.brief(expected), Golden.brief(generator.randperm(expected.get("length").asInt())),
                    expected::toString);
        }
    }

    @Test
    void shouldPermuteNothing() {
        assertEquals(0, new Mt19937(0).randperm(0).length);
    }

    @Test
    void shouldDrawUniformFloatsAsPyTorch() {
        for (JsonNode expected : Golden.cases("uniform")) {
            float[] values = new float[expected.get("length").asInt()];
            new Mt19937(expected.get("seed").asLong()).uniform(Golden.floatOf(expected.get("from")),
                    Golden.floatOf(expected.get("to")), FloatBuffer.wrap(values));
            assertEquals(Golden.brief(expected), Golden.brief(values), expected::toString);
        }
    }

    @Test
    void shouldDrawTheInitialValuesOfLinearLayersAsPyTorch() {
        for (JsonNode model : Golden.cases("linear")) {
            Mt19937 generator = new Mt19937(model.get("seed").asLong());
            for (int layer = 0; layer < model.get("layers").size(); layer++) {
                int in = model.get("sizes").get(layer).asInt();
                int out = model.get("sizes").get(layer + 1).asInt();
                float bound = (float) (1 / Math.sqrt(in));
                JsonNode expected = model.get("layers").get(layer);
                for (String name : new String[] {"weight", "bias"}) {
                    float[] values = new float[name.equals("weight") ? out * in : out];
                    generator.uniform(-bound, bound, FloatBuffer.wrap(values));
                    assertEquals(Golden.brief(expected.get(name)), Golden.brief(values),
                            "layer " + layer + ", " + name + ", of " + model.get("sizes") + ", seed " + model.get("seed"));
                }
            }
        }
    }

    @Test
    void shouldFillOnlyWhatRemainsOfTheTarget() {
        ByteBuffer bytes = ByteBuffer.allocateDirect(20).order(ByteOrder.nativeOrder());
        new Mt19937(0).uniform(1, 2, bytes.asFloatBuffer().position(1).limit(3));
        Mt19937 same = new Mt19937(0);
        float[] expected = {0, same.uniform(1, 2), same.uniform(1, 2), 0, 0};
        float[] actual = new float[5];
        bytes.asFloatBuffer().get(actual);
        assertArrayEquals(expected, actual);
    }

    @Test
    void shouldStartAgainWhenSeeded() {
        Mt19937 generator = new Mt19937(1);
        generator.randperm(1000);
        generator.seed(42);
        assertArrayEquals(new int[] {2, 6, 1, 8, 4, 5, 0, 9, 3, 7}, generator.randperm(10));
    }

    @Test
    void shouldCountOnlyTheLowerHalfOfTheSeed() {
        assertArrayEquals(new Mt19937(7).randperm(100), new Mt19937((5L << 32) + 7).randperm(100));
    }

    @Test
    void shouldRefuseAPermutationThatPyTorchDrawsByAnotherAlgorithm() {
        assertThrows(IllegalArgumentException.class, () -> new Mt19937(0).randperm(Mt19937.PERMUTATION_LIMIT));
    }
}

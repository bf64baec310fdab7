package dev.lockstep.device.reference;

import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;

/** The golden values of src/test/resources/golden/operations, which make_golden.py there has written. */
final class Golden {
    private Golden() {
    }

    /** A list of at least one case. */
    static JsonNode read(String name) throws IOException {
        try (InputStream file = Golden.class.getResourceAsStream("/golden/operations/" + name)) {
            JsonNode cases = new ObjectMapper().readTree(file);
            assertFalse(cases.isEmpty(), name);
            return cases;
        }
    }

    static double[] numbers(JsonNode array) {
        double[] numbers = new double[array.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = array.get(i).asDouble();
        }
        return numbers;
    }
}

package dev.lockstep.device.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ErrorFunctionTest {
    @Test
    void shouldAgreeWithPythonsMathErf() throws IOException {
        for (JsonNode point : Golden.read("error-function.json")) {
            double x = point.get("x").asDouble();
            double expected = point.get("erf").asDouble();
            assertEquals(expected, ErrorFunction.erf(x), 4e-15 * Math.abs(expected), "erf(" + x + ")");
        }
    }

    @Test
    void shouldKeepTheDigitsOfTheComplementWhereItIsTiny() throws IOException {
        for (JsonNode point : Golden.read("error-function.json")) {
            double x = point.get("x").asDouble();
            double expected = point.get("erfc").asDouble();
            // e^(−x²) turns a rounding error of x² into a relative one.
            double relative = 1e-13 + x * x * Math.ulp(1.0);
            assertEquals(expected, ErrorFunction.erfc(x), relative * expected, "erfc(" + x + ")");
        }
    }

    @Test
    void shouldKeepNaNAndReachTheLimits() {
        assertEquals(Double.NaN, ErrorFunction.erf(Double.NaN));
        assertEquals(Double.NaN, ErrorFunction.erfc(Double.NaN));
        assertEquals(1, ErrorFunction.erf(Double.POSITIVE_INFINITY));
        assertEquals(-1, ErrorFunction.erf(Double.NEGATIVE_INFINITY));
        assertEquals(0, ErrorFunction.erfc(Double.POSITIVE_INFINITY));
        assertEquals(2, ErrorFunction.erfc(Double.NEGATIVE_INFINITY));
    }
}

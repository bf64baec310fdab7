package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class CsvGoldenTest {
    /** In units of the standard deviation, or smaller. */
    private static final double ROUNDING_OF_THE_MEAN = 1e-15;
    private static final double DOUBLE_TOLERANCE = 1e-14;
    /** A float's rounding, where the double before it differs in its last digit. */
    private static final double FLOAT_TOLERANCE = 0x1p-23;

    @Test
    void shouldDecodeAndStandardiseAsNumpyDoes() throws URISyntaxException {
        JsonNode golden = Golden.cases("csv/csv").get(0);
        CsvSource source = CsvSource.training(List.of(resource("table-1.csv"), resource("table-2.csv")),
                new CsvOptions(true, ',',
                List.of("answer"), true, List.of("town", "grade"), List.of("id"), true, List.of("NA"), false, true));
        int numeric = 0;
        for (CsvEncoding.Column column : source.encoding().orElseThrow().columns()) {
            if (column instanceof CsvEncoding.Numeric found) {
                JsonNode statistics = golden.get("statistics").get(found.name());
                assertClose(statistics.get(0).asDouble(), found.mean(), DOUBLE_TOLERANCE, "mean of " + found.name());
                // Differences to a mean of 1.6e9 are as good as that mean.
                double tolerance = found.name().equals("offset") ? 1e-7 : DOUBLE_TOLERANCE;
                assertClose(statistics.get(1).asDouble(), found.standardDeviation(), tolerance, "deviation of "
                        + found.name());
                numeric++;
            }
        }
        assertEquals(4, numeric);
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = source.load(device);
            double[] features = Buffers.read(dataset.features().data());
            assertEquals(golden.get("features").size(), features.length);
            for (int i = 0; i < features.length; i++) {
                double expected = Golden.floatOf(golden.get("features").get(i));
                double tolerance = i % dataset.features().columns() == 1 ? 1e-6 : FLOAT_TOLERANCE;
                assertClose(expected, features[i], tolerance, "feature " + i);
            }
            double[] labels = Buffers.read(dataset.targets().data());
            assertEquals(golden.get("labels").size(), labels.length);
            for (int i = 0; i < labels.length; i++) {
                assertEquals(golden.get("labels").get(i).asInt(), labels[i], "label " + i);
            }
        }
    }

    private static Path resource(String name) throws URISyntaxException {
        return Path.of(CsvGoldenTest.class.getResource("/golden/csv/" + name).toURI());
    }

    private static void assertClose(double expected, double found, double tolerance, String what) {
        assertEquals(expected, found, tolerance * Math.abs(expected) + ROUNDING_OF_THE_MEAN, what);
    }
}

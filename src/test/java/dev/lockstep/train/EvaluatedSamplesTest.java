package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.data.DeferredDevice;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.reference.ReferenceDevice;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EvaluatedSamplesTest {
    /** The first of equals comes first, and NaN before every number, as torch.argmax has it. */
    @ParameterizedTest(name = "{0}: {1}, {2}")
    @CsvSource({"1 1 1, 0, 0 1 2", "0 2 2, 1, 2 0 1", "NaN 1 2, 0, 0 2 1", "1 NaN NaN, 1, 2 0 1",
        "-Infinity -1 -2, 1, 2 0 1", "Infinity NaN 0, 1, 1 0 2", "-0.0 0.0 0.0, 0, 0 1 2"})
    void shouldOrderClassesByTheirLogits(String logits, int prediction, String ranks) {
        double[] row = numbers(logits);
        for (int label = 0; label < row.length; label++) {
            for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
                try (device) {
                    EvaluatedSamples samples = new EvaluatedSamples(1, row.length, true);
                    Matrix output = Buffers.matrix(device, DataType.FLOAT32, 1, row.length, row);
                    samples.read(output, Buffers.ints(device, label), 0, 1, device.computeStream());
                    assertEquals(prediction, samples.prediction(0));
                    assertEquals(numbers(ranks)[label], samples.rankOfLabel(0), "label " + label);
                }
            }
        }
    }

    @Test
    void shouldReadBfloat16AndRowsInTheMiddle() {
        for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
            try (device) {
                Matrix output = Buffers.matrix(device, DataType.BFLOAT16, 3, 2, 1, 2, -3.5, 0.25, 5, 6);
                Matrix targets = Buffers.matrix(device, DataType.FLOAT32, 3, 2, 0, 0, 0.1, 0.2, 0, 0);
                EvaluatedSamples samples = new EvaluatedSamples(3, 2, false);
                samples.read(output, targets.data(), 1, 1, device.computeStream());
                assertEquals(1, samples.size());
                assertEquals(-3.5f, samples.output(0, 0));
                assertEquals(0.25f, samples.output(0, 1));
                assertEquals(0.1f, samples.value(0, 0));
                assertEquals(0.2f, samples.value(0, 1));
            }
        }
    }

    private static double[] numbers(String text) {
        return List.of(text.split(" ")).stream().mapToDouble(Double::parseDouble).toArray();
    }
}

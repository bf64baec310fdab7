package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchUpdateIT {
    @Test
    void shouldSayWhatWasMeasuredWithWhat() throws Exception {
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "update", "--parameters", "5000", "--device", "cpu", "--threads",
                "1", "--seconds", "0.1", "--json").run();
        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode update = new ObjectMapper().readTree(run.stdout());
        assertEquals("update", update.get("kind").asText());
        assertEquals(5000, update.get("parameters").asLong());
        assertEquals(4, update.get("operations").size());
        assertEquals("adam", update.get("operations").get(3).get("name").asText());
        assertEquals(28, update.get("operations").get(3).get("bytes_per_parameter").asInt());
        assertEquals(2, update.get("environment").get("ranks").size());
    }

    @Test
    void shouldRefuseWhatItCannotMeasure() {
        refused("--seconds is 0.0; give a time of up to 3600 seconds", "--seconds", "0");
        refused("--parameters is 0; give a number from 1 to 4294967296", "--parameters", "0");
        refused("--set threads=many: 'threads' must be a whole number from 1 to 4096 or auto, not 'many'", "--threads",
                "many");
    }

    private static void refused(String message, String... options) {
        String[] arguments = new String[options.length + 2];
        arguments[0] = "bench";
        arguments[1] = "update";
        System.arraycopy(options, 0, arguments, 2, options.length);
        ProcessRun.Result run = Lockstep.alone(arguments).run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: " + message), run.errorLines(), run::toString);
    }
}

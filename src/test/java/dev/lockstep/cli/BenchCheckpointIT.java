package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BenchCheckpointIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws Exception {
        SmallJob.write(folder);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldMeasureRatesAndStepsAndLeaveNothingBehind(int ranks) throws Exception {
        List<Path> before = list();
        String[] arguments = {"bench", "checkpoint", "small.yaml", "--json", "--steps", "4", "--repeats", "3",
            "--set", "optimizer.sgd.momentum=0.9"};
        ProcessRun.Result run = (ranks == 1 ? Lockstep.alone(arguments) : Lockstep.ranks(ranks, arguments))
                .directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode result = new ObjectMapper().readTree(run.stdout());
        assertEquals("checkpoint", result.get("kind").asText());
        assertEquals(ranks, result.get("ranks").asInt());
        // Parameters and momentum, and the JSON around them.
        int parameters = 12 * 16 + 16 + 16 * 3 + 3;
        assertTrue(result.get("bytes").asLong() > 2 * parameters * Float.BYTES, result::toString);
        for (String key : List.of("write_rate", "plain_write_rate", "write_to_plain", "read_rate", "plain_read_rate",
                "read_to_plain", "pause_seconds", "step_seconds", "writing_step_seconds", "writing_to_step")) {
            assertTrue(result.get(key).asDouble() > 0, key + " in " + result);
        }
        assertEquals(before, list());
    }

    @Test
    void shouldPrintTheFiguresForAPerson() throws Exception {
        ProcessRun.Result run = Lockstep.alone("bench", "checkpoint", "small.yaml", "--steps", "2", "--repeats", "1")
                .directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(List.of("small:", "write", "read", "copy", "step"),
                run.stdout().lines().map(line -> line.split(" ")[0]).toList(), run::toString);
        assertFalse(run.stdout().contains("NaN"), run::toString);
    }

    @Test
    void shouldRefuseAFolderThatIsNotThere() throws Exception {
        ProcessRun.Result run = Lockstep.alone("bench", "checkpoint", "small.yaml", "--folder", "nowhere")
                .directory(folder).run();

        assertEquals(2, run.exitStatus(), run::toString);
        assertTrue(run.stderr().startsWith("lockstep: error: --folder nowhere: no folder can be made there"), run::toString);
    }

    private List<Path> list() throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }
}

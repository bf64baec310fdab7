package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchGemmIT {
    @TempDir
    private Path folder;

    @Test
    void shouldSayWhatWasMeasuredWithWhat() throws Exception {
        SmallJob.write(folder);
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "gemm", "small.yaml", "--json", "--seconds", "0.1")
                .directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode gemm = new ObjectMapper().readTree(run.stdout());
        assertEquals("gemm", gemm.get("kind").asText());
        assertEquals("fp32", gemm.get("precision").asText());
        assertEquals(8, gemm.get("batch").asInt());
        assertEquals(5, gemm.get("products").size());
        assertEquals(2, gemm.get("environment").get("ranks").size());
        double seconds = gemm.get("seconds_per_step").asDouble();
        assertTrue(seconds > 0, run::toString);
        assertEquals(2 * 8 * (12 * 16 * 2 + 16 * 3 * 3), gemm.get("gflops").asDouble() * 1e9 * seconds, 1e-3);
    }

    /** Each of two ranks has 60 samples. */
    @ParameterizedTest
    @CsvSource({"train.accumulate=3, 8, 24", "train.batch-size=1000, 60, 60", "'train.accumulate=9', 8, 60"})
    void shouldCountAllMicroBatchesOfAStepAndNoMoreSamplesThanThereAre(String set, int batch, int samplesPerStep)
            throws Exception {
        SmallJob.write(folder);
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "gemm", "small.yaml", "--json", "--seconds", "0.1", "--set", set)
                .directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode gemm = new ObjectMapper().readTree(run.stdout());
        assertEquals(batch, gemm.get("batch").asInt());
        assertEquals(samplesPerStep, gemm.get("samples_per_step").asInt());
        double seconds = gemm.get("seconds_per_step").asDouble();
        assertEquals(2 * samplesPerStep * (12 * 16 * 2 + 16 * 3 * 3), gemm.get("gflops").asDouble() * 1e9 * seconds, 1e-3);
    }

    @Test
    void shouldSayThatThereIsNoDataThatTellsTheStepsSamples() throws Exception {
        SmallJob.write(folder);
        ProcessRun.Result run = Lockstep.alone("bench", "gemm", "small.yaml", "--set", "data.train.images=nowhere")
                .directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).contains("nowhere"), run::toString);
    }
}

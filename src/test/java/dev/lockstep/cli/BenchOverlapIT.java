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
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchOverlapIT {
    private static final String[] SMALL = {"bench", "overlap", "small.yaml", "--steps", "3", "--warmup", "1", "--repeats",
        "2", "--set", "distributed={first-bucket: 4B, bucket: 1KiB, chunk: 256B}"};

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws Exception {
        SmallJob.write(folder);
    }

    @Test
    void shouldPrintBothSidesAndTheBoundAsJson() throws Exception {
        ProcessRun.Result run = Lockstep.ranks(2, SMALL).arguments("--json").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(1, run.stdout().lines().count(), run::toString);
        JsonNode overlap = new ObjectMapper().readTree(run.stdout());
        assertEquals("overlap", overlap.get("kind").asText());
        assertTrue(overlap.get("on").get("overlap").asBoolean());
        assertFalse(overlap.get("off").get("overlap").asBoolean());
        assertEquals(6, overlap.get("on").get("step_seconds").size());
        assertEquals(overlap.get("on").get("chunks").asInt(), overlap.get("off").get("chunk_seconds").size());
        double on = overlap.get("on").get("step_seconds_median").asDouble();
        assertEquals(overlap.get("off").get("step_seconds_median").asDouble() / on,
                overlap.get("off_to_on").asDouble(), 1e-9);
        double mean = StreamSupport.stream(overlap.get("on").get("step_seconds").spliterator(), false)
                .mapToDouble(JsonNode::asDouble).average().orElseThrow();
        assertEquals(mean / overlap.get("bound_seconds").asDouble(), overlap.get("step_to_bound").asDouble(), 1e-9);
        assertEquals(overlap.get("comm_seconds").asDouble() / overlap.get("backward_seconds").asDouble(),
                overlap.get("comm_to_backward").asDouble(), 1e-9);
        double most = overlap.get("bound_hidden_fraction").asDouble();
        assertTrue(most >= 0 && most <= 1, overlap::toString);
        assertFalse(Files.exists(folder.resolve("runs")));
    }

    @Test
    void shouldPrintATable() {
        ProcessRun.Result run = Lockstep.ranks(2, SMALL).directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        for (String part : new String[] {"\ngradients sent in 6 chunks through shared memory\n", "overlap on ",
            "overlap off ", "off / on ", "communication ", "step / bound ", "hidden "}) {
            assertTrue(run.stdout().contains(part), () -> part + "\n" + run);
        }
    }

    @Test
    void shouldFindTheBoundOnAGpu() throws Exception {
        ProcessRun.Result run = onStandIn(SMALL).arguments("--json").run();
        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode overlap = new ObjectMapper().readTree(run.stdout());
        for (String side : new String[] {"on", "off"}) {
            JsonNode step = overlap.get(side);
            assertTrue(step.get("device").asText().contains("CUDA stand-in"), run::toString);
            assertEquals(step.get("chunks").asInt(), step.get("chunk_seconds").size());
            step.get("chunk_seconds").forEach(seconds -> assertTrue(seconds.asDouble() > 0, run::toString));
            assertFalse(step.get("operations").isEmpty());
        }
        assertTrue(overlap.get("bound_seconds").asDouble() > 0, run::toString);
    }

    @Test
    void shouldRefuseASingleStepOnAGpu() {
        ProcessRun.Result run = onStandIn("bench", "overlap", "small.yaml", "--steps", "1").run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: --steps is 1; give a number from 2 to 10000000"), Lockstep.errors(run));
    }

    private ProcessRun onStandIn(String... arguments) {
        return Lockstep.ranks(2, arguments).arguments("--set", "device=cuda")
                .environment("CUDA_HOME", Path.of("target/cuda-stand-in").toAbsolutePath().toString())
                .environment("CUDA_VISIBLE_DEVICES", "0,1").directory(folder);
    }

    @Test
    void shouldSayThatOneRankHasNothingToOverlap() {
        ProcessRun.Result run = Lockstep.alone(SMALL).directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().contains("there is nothing to overlap with one rank"), run::toString);
        assertFalse(run.stdout().contains("hidden"), run::toString);
    }

    @Test
    void shouldSayThatNothingCanHideASingleChunk() {
        ProcessRun.Result run = Lockstep.ranks(2, "bench", "overlap", "small.yaml", "--steps", "3", "--warmup", "1",
                "--repeats", "2").directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().contains("there is nothing to overlap with one chunk"), run::toString);
        assertTrue(run.stdout().endsWith(" of communication; the bound's 0.000\n"), run::toString);
        assertFalse(run.stdout().contains("-0.000"), run::toString);
    }

    @Test
    void shouldRefuseNoTurns() {
        ProcessRun.Result run = Lockstep.alone("bench", "overlap", "small.yaml", "--repeats", "0").directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals("lockstep: error: --repeats is 0; give a number from 1 to 10000000\n", run.stderr());
    }
}

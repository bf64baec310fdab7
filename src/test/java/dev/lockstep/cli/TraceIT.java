package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code train --trace}, and the breakdown of steps in the metrics, on the CPU and on the stand-in for CUDA's libraries. */
class TraceIT {
    private static final Set<String> BREAKDOWN = Set.of("data_seconds", "forward_seconds", "backward_seconds",
            "exposed_comm_seconds", "comm_seconds", "optimizer_seconds", "step_seconds", "hidden_fraction", "gflops",
            "gemm_share");

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
    }

    /** No rank has a chunk's sum before the last one began to send its part. */
    @Test
    void shouldShowAllRanksOnOneClock() throws Exception {
        Map<String, List<JsonNode>> sums = new HashMap<>();
        for (JsonNode event : trace(3, Map.of(), "device=cpu", "distributed.chunk=256", "distributed.first-bucket=512")) {
            if (event.get("cat").textValue().equals("allreduce")) {
                sums.computeIfAbsent(event.get("name") + " of step " + event.get("args").get("step"),
                        name -> new ArrayList<>()).add(event);
            }
        }
        assertTrue(sums.size() >= 3 * 10, sums.keySet()::toString);
        sums.forEach((name, events) -> {
            assertEquals(3, events.size(), name);
            double lastBegin = events.stream().mapToDouble(event -> event.get("ts").doubleValue()).max().orElseThrow();
            double firstEnd = events.stream().mapToDouble(event -> event.get("ts").doubleValue()
                    + event.get("dur").doubleValue()).min().orElseThrow();
            assertTrue(firstEnd > lastBegin, name + " " + events);
        });
    }

    /** One step of many is timed: of an epoch of 60 steps the second. */
    @Test
    void shouldTimeStepsOnTheGpu() throws Exception {
        Map<String, String> standIn = Map.of("CUDA_HOME", Path.of("target/cuda-stand-in").toAbsolutePath().toString(),
                "CUDA_VISIBLE_DEVICES", "0,1");
        List<JsonNode> events = trace(2, standIn, "device=cuda", "train.batch-size=1", "distributed.chunk=256");
        Set<Integer> steps = events.stream().map(event -> event.get("args").get("step").intValue())
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(Set.of(2, 62), steps);
        for (String kind : List.of("data", "forward", "backward", "optimizer", "fetch", "allreduce", "store", "step")) {
            assertTrue(events.stream().anyMatch(event -> event.get("cat").textValue().equals(kind)), kind);
        }
    }

    /** What lasts, of the run's trace. */
    private List<JsonNode> trace(int ranks, Map<String, String> environment, String... sets) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("train", "small.yaml", "--trace", "--output", "out"));
        for (String set : sets) {
            arguments.add("--set");
            arguments.add(set);
        }
        ProcessRun command = Lockstep.ranks(ranks, arguments.toArray(String[]::new)).directory(folder);
        environment.forEach(command::environment);
        ProcessRun.Result run = command.run();
        assertEquals(0, run.exitStatus(), run::toString);
        for (String kind : List.of("epoch", "summary")) {
            for (JsonNode line : Lockstep.metrics(folder.resolve("out"), kind)) {
                assertTrue(BREAKDOWN.stream().allMatch(line::has), line::toString);
                assertTrue(line.get("comm_seconds").doubleValue() > 0, line::toString);
                assertTrue(line.get("data_seconds").doubleValue() + line.get("forward_seconds").doubleValue()
                        + line.get("backward_seconds").doubleValue() > 0, line::toString);
            }
        }
        List<JsonNode> events = new ArrayList<>();
        for (JsonNode event : new ObjectMapper().readTree(folder.resolve("out/trace.json").toFile()).get("traceEvents")) {
            if (event.get("ph").textValue().equals("X")) {
                events.add(event);
            }
        }
        assertFalse(events.isEmpty());
        return events;
    }
}

package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.StepResult.Operation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MeasurementsTest {
    private static final StepResult STEP = StepResults.of(1, 1, null, 8, StepResults.backwardOrder(6, 3), 1 << 20,
            List.of(new Operation("0.forward", "forward", 288, 0.25), new Operation("0.backward.weight rows 0-3", "backward",
                    288, 0.5)), new double[0], 1);

    @TempDir
    private Path folder;

    @Test
    void shouldReadBackWhatItWrites() throws Exception {
        String step = Json.write(STEP);
        assertTrue(step.startsWith("{\"kind\":\"step\",\"name\":\"test\",\"ranks\":1,\"hosts\":1,"), step);
        assertTrue(step.contains("\"cores\":1,\"machine_cores\":2,"), step);
        assertTrue(step.contains("\"backward_order\":[{\"name\":\"0.bias\",\"rows\":3,\"columns\":0,\"role\":\"BIAS\"},"), step);
        assertFalse(step.contains("link_rate"), step);
        StepResult on = STEP;
        Path file = Files.writeString(folder.resolve("steps.jsonl"), step + "\n\n"
                + Json.write(OverlapResult.of(on, STEP)) + "\n");
        List<StepResult> read = Measurements.read(file);
        assertEquals(3, read.size());
        for (StepResult each : read) {
            assertEquals(step, Json.write(each));
            assertEquals(STEP.backwardOrder(), each.backwardOrder());
            assertEquals(STEP.operations(), each.operations());
        }
    }

    /** Older versions printed it without. */
    @Test
    void shouldReadWhyNothingIsSharedWhereThatIsTold() throws Exception {
        ObjectNode step = Json.MAPPER.valueToTree(STEP);
        String without = Json.write(step);
        assertFalse(without.contains("reduction_refusal"), without);
        step.put("reduction_refusal", "rank 1 is alone on its machine");
        Path file = Files.writeString(folder.resolve("steps.jsonl"), without + "\n" + Json.write(step) + "\n");
        List<StepResult> read = Measurements.read(file);
        assertNull(read.get(0).reductionRefusal());
        assertEquals("rank 1 is alone on its machine", read.get(1).reductionRefusal());
    }

    @Test
    void shouldTakeSyncBatchNormOfAnOlderVersionForSumsWithinSteps() {
        ObjectNode json = Json.MAPPER.valueToTree(STEP);
        json.remove("sums_within_steps");
        assertTrue(Measurements.step(json.put("sync_batch_norm", true), "").sumsWithinSteps());
    }

    @Test
    void shouldTakeTheRunsOfAScalingBenchmarkThatDidNotFail() throws Exception {
        String run = "{\"ranks\":1,\"result\":%s}";
        Path file = Files.writeString(folder.resolve("scaling.json"), "{\n  \"kind\":\"scaling\",\n  \"runs\":[\n"
                + String.format(run, Json.write(STEP)) + ",\n" + String.format(run, "null") + ",\n{\"ranks\":4},\n"
                + String.format(run, Json.write(STEP)) + "]\n}\n");
        assertEquals(2, Measurements.read(file).size());
        refused("{\"kind\":\"scaling\",\"runs\":[]}", " holds no measured step; ");
    }

    @Test
    void shouldTellWhichLineIsWrong() throws Exception {
        String step = Json.write(STEP);
        refused(step + "\n{\"kind\":\"gemm\"}\n", ":2: this is a result of kind 'gemm'; give what bench step ");
        refused("{\"ranks\":2}", ":1: this is no result of a benchmark; ");
        refused("step 3 ms", ":1: this is no JSON; ");
        refused("\n}" + step, ":2: this is no JSON; ");
        refused("[1, 2]", ":1: this is no result of a benchmark; ");
        refused(step.substring(0, step.length() / 2), ":1: this is no JSON; ");
        refused(step + "\nstep 3 ms", ":2: this is no JSON; ");
        refused("{\"kind\":\"step\"}", ":1: this result of a benchmark is not whole; ");
        refused("{\"kind\":\"overlap\"}", ":1: this result of a benchmark is not whole; ");
        refused("{\"kind\":\"step\",\"ranks\":\"many\"}", ":1: this result of a benchmark is damaged (");
        refused(step.replaceFirst("\"operations\":\\[.*?\\]", "\"operations\":[]"), ":1: none of these steps was timed ");
        refused("\n", " holds no measured step; ");
    }

    private void refused(String content, String message) throws Exception {
        Path file = Files.writeString(folder.resolve("steps.jsonl"), content);
        String found = assertThrows(InvalidInputException.class, () -> Measurements.read(file)).getMessage();
        assertTrue(found.startsWith(file + message), found);
        assertEquals(1, found.lines().count());
    }

    @ParameterizedTest
    @CsvSource({"nowhere, ' does not exist; '", "., ' cannot be read ('"})
    void shouldRefuseWhatIsNoFile(String name, String message) {
        String found = assertThrows(InvalidInputException.class, () -> Measurements.read(folder.resolve(name))).getMessage();
        assertTrue(found.contains(message), found);
    }
}

package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.bench.StepResult.Operation;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StepBoundTest {
    /** 0.weight [512, 1024], of 2 MiB, and 2.weight [10, 512], of 20 KiB. */
    private static final List<ParameterShape> SHAPES = StepResults.backwardOrder(1024, 512, 10);
    private static final long CHUNK_BYTES = 1 << 20;
    private static final List<Operation> OPERATIONS = List.of(
            new Operation("gather", "data", 0, 1),
            new Operation("0.forward", "forward", 1, 10),
            new Operation("2.forward", "forward", 1, 2),
            new Operation("loss", "forward", 0, 1),
            new Operation("2.backward.bias", "backward", 0, 1),
            new Operation("2.backward.weight rows 0-10", "backward", 1, 2),
            new Operation("2.backward.input", "backward", 1, 3),
            new Operation("0.backward.weight rows 0-256", "backward", 1, 4),
            new Operation("0.backward.weight rows 256-512", "backward", 1, 5),
            new Operation("update chunk 0", "optimizer", 0, 1),
            new Operation("update chunk 1", "optimizer", 0, 1),
            new Operation("update chunk 2", "optimizer", 0, 1));

    @Test
    void shouldKnowTheOperationThatCompletesEachChunk() {
        BucketPlan plan = BucketPlan.of(SHAPES, 1, 1, 1 << 19);
        List<String> names = OPERATIONS.subList(0, 9).stream().map(Operation::name).toList();
        // By parameter: 2.bias, 2.weight, 0.bias, and 0.weight in four chunks of 128 rows.
        assertEquals(7, plan.chunks().size());
        assertArrayEquals(new int[] {4, 5, 6, 7, 7, 8, 8}, StepBound.readyAfter(plan, SHAPES, names));
        assertThrows(IllegalArgumentException.class, () -> StepBound.readyAfter(plan, SHAPES, names.subList(0, 8)));
    }

    /** A whole weight's gradient is one operation of each micro-batch. */
    @Test
    void shouldSendWhatTheLastMicroBatchCompletes() {
        BucketPlan plan = BucketPlan.of(SHAPES, 1, 1, 1 << 19);
        List<String> names = new ArrayList<>(OPERATIONS.subList(0, 9).stream().map(Operation::name).toList());
        names.addAll(names);
        assertArrayEquals(new int[] {13, 14, 15, 16, 16, 17, 17}, StepBound.readyAfter(plan, SHAPES, names));
        List<String> whole = names.stream().filter(name -> !name.endsWith("0-256"))
                .map(name -> name.replace("256-512", "0-512")).toList();
        assertArrayEquals(new int[] {12, 13, 14, 15, 15, 15, 15}, StepBound.readyAfter(plan, SHAPES, whole));
    }

    @Test
    void shouldScheduleTheStepsOwnOperationsAndChunks() {
        // With buckets of 1 and 25 MiB all parameters share one: its chunks are the small ones, and the halves of 0.weight.
        StepResult measured = StepResults.of(2, 1, null, 8, SHAPES, CHUNK_BYTES, OPERATIONS, new double[] {6, 6, 6}, 40);
        assertEquals(3, measured.chunks());
        // Backward ends at 29. The small ones are ready at 20, with 0.bias, the halves at 24 and 29: summed by 26, 32, 38.
        assertEquals(new Schedule.Result(39, 29, 9, 18), StepBound.of(measured));
    }

    @Test
    void shouldLetUpdatesThatHangOnAllSumsFollowTheLast() {
        List<Operation> operations = new ArrayList<>(OPERATIONS.subList(0, 9));
        for (String name : List.of("norm chunk 0", "norm chunk 1", "norm chunk 2", "norm", "update chunk 0", "update chunk 1",
                "update chunk 2")) {
            operations.add(new Operation(name, "optimizer", 0, name.equals("norm") ? 0.25 : 0.5));
        }
        StepResult measured = StepResults.of(2, 1, null, 8, SHAPES, CHUNK_BYTES, operations, new double[] {6, 6, 6}, 40);
        // As above, but half a second for the last chunk's norm, and then the norm and three updates.
        assertEquals(new Schedule.Result(38 + 0.5 + 0.25 + 1.5, 29, 9, 18), StepBound.of(measured));
    }

    @Test
    void shouldAddUpAStepOfOneRank() {
        List<Operation> whole = IntStream.of(0, 1, 2, 3, 4, 5, 6, 8, 9).mapToObj(OPERATIONS::get).toList();
        StepResult measured = StepResults.of(1, 1, null, 8, SHAPES, CHUNK_BYTES, whole, new double[0], 40);
        assertEquals(new Schedule.Result(26, 26, 0, 0), StepBound.of(measured));
    }

    @Test
    void shouldCompareOverlapWithTheBound() {
        StepResult off = StepResults.of(2, 1, null, 8, SHAPES, CHUNK_BYTES, OPERATIONS, new double[] {6, 6, 6}, 50);
        StepResult on = StepResults.of(2, 1, null, 8, SHAPES, CHUNK_BYTES, List.of(), new double[0], 40);
        OverlapResult result = OverlapResult.of(on, off);
        assertEquals(1.25, result.offToOn());
        assertEquals(0.75, result.hiddenFraction());
        assertEquals(0.5, result.commToBackward());
        assertEquals(39, result.boundSeconds());
        // Steps of 32, 40 and 60.
        assertEquals(44.0 / 39, result.stepToBound(), 1e-12);
        assertEquals(0.5, result.boundHiddenFraction());
        assertEquals(1.5, result.hiddenToBoundHidden());
    }

    /** Steps that only become slower with overlap hide less than nothing, of which no share is reached. */
    @Test
    void shouldNotCompareWithTheBoundWhereNothingIsHidden() {
        StepResult off = StepResults.of(2, 1, null, 8, SHAPES, CHUNK_BYTES, OPERATIONS, new double[] {6, 6, 6}, 50);
        ObjectNode json = Json.MAPPER.valueToTree(off);
        ((ObjectNode) json.get("breakdown")).put("hidden_fraction", -8.4);
        OverlapResult result = OverlapResult.of(Measurements.step(json, ""), off);
        assertEquals(-8.4, result.hiddenFraction());
        assertEquals(0.5, result.boundHiddenFraction());
        assertNull(result.hiddenToBoundHidden());
    }

    /** Whatever the times add up to: one chunk is ready when backward ends. */
    @Test
    void shouldFindThatNothingCanHideASingleChunk() {
        Random random = new Random(3);
        for (int i = 0; i < 100; i++) {
            List<Operation> operations = new ArrayList<>();
            for (Operation operation : OPERATIONS.subList(0, 10)) {
                operations.add(new Operation(operation.name(), operation.phase(), operation.flops(), random.nextDouble()));
            }
            StepResult off = StepResults.of(2, 1, null, 8, SHAPES, 25 << 20, operations,
                    new double[] {1e-4 * random.nextDouble()}, 50);
            assertEquals(1, off.chunks());
            OverlapResult result = OverlapResult.of(off, off);
            assertEquals(0.0, result.boundHiddenFraction());
            assertNull(result.hiddenToBoundHidden());
            assertTrue(Json.write(result).endsWith("\"bound_hidden_fraction\":0.0}"), Json.write(result));
        }
    }

    @Test
    void shouldSayNothingOfCommunicationWithoutAny() {
        List<Operation> whole = IntStream.of(0, 1, 2, 3, 4, 5, 6, 8, 9).mapToObj(OPERATIONS::get).toList();
        StepResult alone = StepResults.of(1, 1, null, 8, SHAPES, CHUNK_BYTES, whole, new double[0], 40);
        OverlapResult result = OverlapResult.of(alone, alone);
        assertEquals(1, result.offToOn());
        assertNull(result.hiddenFraction());
        assertNull(result.commToBackward());
        assertNull(result.hiddenToBoundHidden());
    }
}

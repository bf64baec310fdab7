package dev.lockstep.ddp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.GradientListener;
import dev.lockstep.optim.Sgd;
import dev.lockstep.optim.SgdSettings;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A step's order of events, and the steps that are refused, by models that do just what they are told. */
class DistributedDataParallelTest {
    private static final List<ParameterShape> SHAPES = List.of(ParameterShape.matrix("0.weight", 5, 3),
            ParameterShape.bias("0.bias", 5), ParameterShape.matrix("2.weight", 2, 5),
            ParameterShape.bias("2.bias", 2));
    private static final List<String> IN_ORDER = List.of("2.bias 2", "2.weight 1", "2.weight 2", "0.bias 5",
            "0.weight 2", "0.weight 4", "0.weight 5");
    /** By chunk: its range's first element, after which its update is named. */
    private static final int[] FIRST_ELEMENTS = {0, 16, 21, 32, 48, 54, 60};
    private static final double LEARNING_RATE = 0.25;

    private final Device device = new ReferenceDevice();
    private final Stream stream = device.computeStream();
    private final ParameterArena arena = new ParameterArena(device, SHAPES, true);
    /** Two buckets, {2.bias, 2.weight} and {0.bias, 0.weight}, the chunks of which end at {@link #IN_ORDER}. */
    private final BucketPlan plan = BucketPlan.of(arena.backwardOrder().stream().map(Parameter::shape).toList(), 48,
            1 << 20, 24);
    private final Sgd sgd = new Sgd(device, arena, new SgdSettings(LEARNING_RATE, 0, 0, 0, false));
    private final List<String> events = new ArrayList<>();

    private DistributedDataParallel ddp(boolean overlap) {
        return new DistributedDataParallel(device, arena, new LateCommunicator(events), plan, overlap, (first, count) -> {
            Operation update = sgd.bind(first, count);
            return on -> {
                events.add("update " + first);
                update.enqueue(on);
            };
        });
    }

    /** Writes ones into a gradient's next rows, up to the one named, and says so: {@code "0.weight 4"}. */
    private final class ScriptedModule implements BoundModule {
        private final List<String> script;

        ScriptedModule(List<String> script) {
            this.script = script;
        }

        @Override
        public void backward(Stream on, GradientListener listener) {
            Buffers.write(arena.gradients(), new double[(int) arena.elementCount()]);
            for (String line : script) {
                Parameter parameter = arena.parameter(line.split(" ")[0]);
                int rows = Integer.parseInt(line.split(" ")[1]);
                double[] ones = new double[Math.min(rows, parameter.shape().rows()) * parameter.shape().rowElements()];
                Arrays.fill(ones, 1);
                Buffers.write(parameter.gradient().slice(0, ones.length), ones);
                events.add(line);
                listener.gradientReady(parameter, rows);
            }
        }

        @Override
        public void forward(Stream on) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Matrix output() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Matrix outputGradient() {
            throw new UnsupportedOperationException();
        }
    }

    /** Says which of a chunk's gradients are summed when it is looked at. */
    private final class UpdateByNorm implements RangeUpdate, RangeUpdate.Overall {
        @Override
        public Operation bind(long first, long count) {
            return on -> events.add("update " + first);
        }

        @Override
        public Optional<Overall> overall() {
            return Optional.of(this);
        }

        @Override
        public Operation bindRange(int range, long first, long count) {
            assertEquals(first, FIRST_ELEMENTS[range]);
            return on -> events.add("norm " + range);
        }

        @Override
        public Operation bindAll() {
            return on -> events.add("norm");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldUpdateBehindTheLastSumWhereUpdatesHangOnAll(boolean overlap) {
        step(new DistributedDataParallel(device, arena, new LateCommunicator(events), plan, overlap, new UpdateByNorm()),
                IN_ORDER);
        List<String> expected = new ArrayList<>();
        for (int k = 0; k < IN_ORDER.size(); k++) {
            expected.add((overlap ? "await " : "run ") + k);
            expected.add("norm " + k);
        }
        expected.add("norm");
        for (int first : FIRST_ELEMENTS) {
            expected.add("update " + first);
        }
        assertEquals(expected, events.subList(events.size() - expected.size(), events.size()));
    }

    @Test
    void shouldLookAtTheGradientsOfASingleRankAsWell() {
        step(new DistributedDataParallel(device, arena, new SingleRank(), plan, true, new UpdateByNorm()), IN_ORDER);
        assertEquals(List.of("norm 5", "norm 6", "norm", "update 0"),
                events.subList(events.indexOf("norm 5"), events.indexOf("norm 5") + 4));
        assertEquals("update 60", events.get(events.size() - 1));
    }

    @Test
    void shouldSendNothingOfAMicroBatchThatOthersFollow() {
        DistributedDataParallel ddp = ddp(true);
        ddp.bindNoSync(on -> events.add("forward"), new ScriptedModule(IN_ORDER), new Timeline(device)).enqueue(stream);
        List<String> expected = new ArrayList<>(List.of("forward"));
        expected.addAll(IN_ORDER);
        assertEquals(expected, events);
        step(ddp, IN_ORDER);
        assertTrue(events.contains("await 6"));
        events.clear();
        Operation incomplete = ddp.bindNoSync(on -> { }, new ScriptedModule(IN_ORDER.subList(0, 6)), new Timeline(device));
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> incomplete.enqueue(stream));
        assertEquals("rank 1, step 2: backward did not write the gradient of 0.weight (bucket 1)", e.getMessage());
    }

    private void step(DistributedDataParallel ddp, List<String> script) {
        events.clear();
        sgd.beginStep();
        ddp.bind(on -> { }, new ScriptedModule(script), new Timeline(device)).enqueue(stream);
    }

    @Test
    void shouldStartEachChunkOnceItsRowsExistAndUpdateItOnceItIsReduced() {
        DistributedDataParallel ddp = ddp(true);
        List<String> expected = new ArrayList<>();
        for (int k = 0; k < IN_ORDER.size(); k++) {
            expected.add(IN_ORDER.get(k));
            expected.add("start " + k);
        }
        for (int k = 0; k < IN_ORDER.size(); k++) {
            expected.add("await " + k);
            expected.add("update " + FIRST_ELEMENTS[k]);
        }
        for (int step = 1; step <= 3; step++) {
            step(ddp, IN_ORDER);
            assertEquals(expected, events);
        }
    }

    @Test
    void shouldDoTheSameWorkOneAfterTheOtherWithoutOverlap() {
        DistributedDataParallel ddp = ddp(false);
        List<String> expected = new ArrayList<>(IN_ORDER);
        for (int k = 0; k < IN_ORDER.size(); k++) {
            expected.add("run " + k);
            expected.add("update " + FIRST_ELEMENTS[k]);
        }
        for (int step = 1; step <= 3; step++) {
            step(ddp, IN_ORDER);
            assertEquals(expected, events);
        }
    }

    @Test
    void shouldSendChunksInOrderWhateverTheOrderOfTheGradients() {
        step(ddp(true), List.of("0.weight 5", "2.weight 1", "2.weight 2", "2.bias 2", "0.bias 5"));
        assertEquals(List.of("0.weight 5", "2.weight 1", "2.weight 2", "2.bias 2", "start 0", "start 1", "start 2",
                "0.bias 5", "start 3", "start 4", "start 5", "start 6"), events.subList(0, 12));
        assertEveryParameterIs(-LEARNING_RATE * 2);
    }

    /** Each gradient is 1 on both ranks, and no sum is there before it is awaited. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldNeverUpdateByAGradientThatIsNotReduced(boolean overlap) {
        DistributedDataParallel ddp = ddp(overlap);
        for (int step = 1; step <= 3; step++) {
            step(ddp, IN_ORDER);
            assertEveryParameterIs(-LEARNING_RATE * 2 * step);
        }
    }

    private void assertEveryParameterIs(double expected) {
        for (Parameter parameter : arena.backwardOrder()) {
            for (double value : Buffers.read(parameter.value())) {
                assertEquals(expected, value, parameter.name());
            }
        }
    }

    @Test
    void shouldComputeGradientsInTheRowsOfThePlan() {
        DistributedDataParallel ddp = ddp(true);
        assertEquals("[2, 4, 5]", Arrays.toString(ddp.rowEnds(arena.parameter("0.weight"))));
        assertEquals("[5]", Arrays.toString(ddp.rowEnds(arena.parameter("0.bias"))));
        assertEquals("[1, 2]", Arrays.toString(ddp.rowEnds(arena.parameter("2.weight"))));
    }

    @Test
    void shouldBroadcastFromRankZero() {
        ddp(true).broadcastParameters(stream);
        assertEquals(List.of("broadcast from 0"), events);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldRefuseAGradientLeftOut(boolean overlap) {
        assertRefused(overlap, List.of("2.bias 2", "2.weight 2", "0.weight 5"),
                "rank 1, step 2: backward did not write the gradient of 0.bias (bucket 1)");
        assertRefused(overlap, List.of(), "rank 1, step 2: backward did not write the gradient of 2.bias (bucket 0)");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldRefuseRowsLeftOut(boolean overlap) {
        assertRefused(overlap, List.of("2.bias 2", "2.weight 2", "0.bias 5", "0.weight 4"),
                "rank 1, step 2: backward did not write the gradient of 0.weight (bucket 1)");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldRefuseAGradientRepeated(boolean overlap) {
        assertRefused(overlap, List.of("2.bias 2", "2.weight 2", "2.bias 2"),
                "rank 1, step 2: backward reports 2 rows of the gradient of 2.bias (bucket 0) after 2 of 2");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldRefuseRowsInDescendingOrder(boolean overlap) {
        assertRefused(overlap, List.of("2.bias 2", "2.weight 2", "0.bias 5", "0.weight 4", "0.weight 2"),
                "rank 1, step 2: backward reports 2 rows of the gradient of 0.weight (bucket 1) after 4 of 5");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldRefuseMoreRowsThanThereAre(boolean overlap) {
        assertRefused(overlap, List.of("2.bias 3"),
                "rank 1, step 2: backward reports 3 rows of the gradient of 2.bias (bucket 0) after 0 of 2");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldRefuseAStepAfterOneThatFailed(boolean overlap) {
        DistributedDataParallel ddp = assertRefused(overlap, List.of("2.bias 2"),
                "rank 1, step 2: backward did not write the gradient of 2.weight (bucket 0)");
        assertEquals("rank 1: the chunk of bucket 0 up to row 2 of 2.bias is " + (overlap ? "REDUCING" : "READY")
                + " in step 3, not REDUCED",
                assertThrows(IllegalStateException.class, () -> step(ddp, IN_ORDER)).getMessage());
    }

    @Test
    void shouldRefuseAGradientOutsideAStep() {
        DistributedDataParallel ddp = ddp(true);
        Parameter bias = arena.parameter("2.bias");
        assertEquals("rank 1: the chunk of bucket 0 up to row 2 of 2.bias is REDUCED in step 0, not PENDING",
                assertThrows(IllegalStateException.class, () -> ddp.gradientReady(bias, 2)).getMessage());
        DistributedDataParallel used = ddp(true);
        step(used, IN_ORDER);
        assertEquals("rank 1, step 1: backward reports 2 rows of the gradient of 2.bias (bucket 0) after 2 of 2",
                assertThrows(IllegalStateException.class, () -> used.gradientReady(bias, 2)).getMessage());
    }

    /** After a step that is right. */
    private DistributedDataParallel assertRefused(boolean overlap, List<String> script, String message) {
        DistributedDataParallel ddp = ddp(overlap);
        step(ddp, IN_ORDER);
        assertEquals(message, assertThrows(IllegalStateException.class, () -> step(ddp, script)).getMessage());
        return ddp;
    }
}

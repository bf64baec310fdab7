package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.StepResult.Operation;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.nn.Linear;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PredictionTest {
    private static final int[] WIDTHS = {256, 1024, 512, 10};
    private static final List<ParameterShape> SHAPES = StepResults.backwardOrder(WIDTHS);
    private static final long CHUNK = 256 << 10;
    private static final double SECONDS_PER_PRODUCT = 2e-11;

    /**
     * A machine that behaves as the model says: two cores, on which two ranks are 1.3 times slower.
     *
     * @param stolenPerByte of computing, within the host and over the link
     */
    private record Truth(double stolenPerByte) {
        StepResult measure(int ranks, int hosts, String linkRate, int batch, long chunkBytes, boolean overlap) {
            BucketPlan plan = StepResults.plan(SHAPES, ranks, chunkBytes);
            double slowdown = ranks == 1 ? 1 : 1.3;
            List<Operation> operations = new ArrayList<>();
            operations.add(new Operation("gather", "data", 0, slowdown * 1e-6 * batch));
            for (int layer = 0; layer < 3; layer++) {
                operations.add(new Operation(2 * layer + ".forward", "forward", 1, slowdown * product(layer, batch)));
            }
            operations.add(new Operation("loss", "forward", 0, slowdown * 2e-6 * batch));
            for (int layer = 2; layer >= 0; layer--) {
                backward(operations, layer, batch, ranks, plan, slowdown);
            }
            List<Schedule.Chunk> chunks = new ArrayList<>();
            double[] chunkSeconds = plan.chunks().stream()
                    .mapToDouble(chunk -> ranks == 1 ? 0 : sum(chunk.bytes(), hosts, linkRate)).toArray();
            int[] readyAfter = StepBound.readyAfter(plan, SHAPES, operations.stream().map(Operation::name).toList());
            List<Operation> updates = new ArrayList<>();
            for (int i = 0; i < chunkSeconds.length; i++) {
                double bytes = plan.chunks().get(i).bytes();
                double update = (ranks == 1 ? 1e-10 : 1.5e-10) * bytes;
                updates.add(new Operation("update chunk " + i, "optimizer", 0, update));
                double stolen = chunkSeconds[i] == 0 ? 0 : bytes * stolenPerByte / chunkSeconds[i];
                chunks.add(new Schedule.Chunk(readyAfter[i], chunkSeconds[i], update, stolen));
            }
            double[] seconds = operations.stream().mapToDouble(Operation::seconds).toArray();
            Schedule.Result step = overlap ? Schedule.overlapped(seconds, chunks) : Schedule.sequential(seconds, chunks);
            // All that was lost is found in one operation.
            Operation last = operations.remove(operations.size() - 1);
            operations.add(new Operation(last.name(), last.phase(), last.flops(),
                    last.seconds() + step.computeSeconds() - Arrays.stream(seconds).sum()));
            operations.addAll(updates);
            return StepResults.of(ranks, hosts, linkRate, batch, SHAPES, chunkBytes, operations,
                    ranks == 1 ? new double[0] : chunkSeconds, step.stepSeconds() + 1e-4, overlap);
        }

        private static double product(int layer, int batch) {
            return SECONDS_PER_PRODUCT * batch * WIDTHS[layer] * WIDTHS[layer + 1];
        }

        private static void backward(List<Operation> operations, int layer, int batch, int ranks, BucketPlan plan,
                double slowdown) {
            int rows = WIDTHS[layer + 1];
            int weight = 2 * (2 - layer) + 1;
            assertEquals(2 * layer + ".weight", SHAPES.get(weight).name());
            int first = 0;
            for (int end : ranks == 1 ? new int[] {rows} : Linear.merged(plan.rowEnds().get(weight), 64)) {
                operations.add(new Operation(2 * layer + ".backward.weight rows " + first + "-" + end, "backward", 1,
                        slowdown * product(layer, batch) * (end - first) / rows));
                first = end;
            }
            if (layer > 0) {
                operations.add(new Operation(2 * layer + ".backward.input", "backward", 1,
                        slowdown * product(layer, batch)));
            }
        }

        /** Of two ranks. */
        private static double sum(long bytes, int hosts, String linkRate) {
            int messages = bytes < 8192 ? 1 : 2;
            return hosts == 1 ? messages * 10e-6 + bytes / 2e9
                    : messages * 60e-6 + bytes / (0.95 * LinkRate.parse(linkRate).bytesPerSecond());
        }
    }

    private static List<StepResult> fittedPoints(Truth truth) {
        return List.of(truth.measure(1, 1, null, 64, CHUNK, false), truth.measure(2, 1, null, 64, CHUNK, true),
                truth.measure(2, 2, "1gbit", 64, CHUNK, true));
    }

    @ParameterizedTest(name = "{0} ranks on {1} hosts, {2}, batch {3}, chunks of {4} KiB, overlap {5}; {6} ns stolen a byte")
    @CsvSource({
        "1, 1, , 256, 256, false, 0",
        "2, 1, , 64, 64, true, 0",
        "2, 1, , 16, 2048, true, 0",
        "2, 1, , 64, 256, false, 0",
        "2, 2, 1gbit, 64, 1024, true, 0",
        "2, 2, 250mbit, 64, 256, true, 0",
        "2, 2, 10gbit, 512, 64, true, 0",
        "2, 2, 1gbit, 16, 256, false, 0",
        "2, 1, , 64, 64, true, 0.2",
        "2, 2, 250mbit, 128, 128, true, 0.2",
        "2, 2, 2gbit, 32, 256, true, 0.2",
    })
    void shouldFindTheTruthWhereNothingWasFitted(int ranks, int hosts, String linkRate, int batch, int chunkKib,
            boolean overlap, double stolenNanosPerByte) {
        Truth truth = new Truth(stolenNanosPerByte * 1e-9);
        Prediction prediction = new Prediction(fittedPoints(truth));
        assertEquals(stolenNanosPerByte * 1e-9, prediction.stolenSecondsPerHostByte(), 1e-14);
        StepResult measured = truth.measure(ranks, hosts, linkRate, batch, chunkKib << 10, overlap);
        Prediction.Comparison comparison = prediction.compare(List.of(measured)).get(0);
        assertEquals(0, comparison.error(), 1e-6);
        assertEquals(measured.stepSecondsMedian(), comparison.predictedSeconds(), 1e-6 * measured.stepSecondsMedian());
    }

    /** More than sums could have cost: they are not to blame for all of it, nor is a byte for more than they took. */
    @Test
    void shouldNotBlameSumsForWhatTheyCannotCost() {
        StepResult alone = new Truth(0).measure(1, 1, null, 64, CHUNK, false);
        StepResult pair = new Truth(0).measure(2, 1, null, 64, CHUNK, true);
        List<Operation> slow = pair.operations().stream().map(operation -> operation.phase().equals("backward")
                ? new Operation(operation.name(), operation.phase(), operation.flops(), 50 * operation.seconds())
                : operation).toList();
        Prediction prediction = new Prediction(List.of(alone, StepResults.of(2, 1, null, 64, SHAPES, CHUNK, slow,
                pair.chunkSeconds(), 50 * pair.stepSecondsMedian())));
        // At most nine tenths of what a sum takes: 1 / 2 GB/s, and the latency of the small ones.
        double perByte = prediction.stolenSecondsPerHostByte();
        assertTrue(perByte > 0.9 / 2e9 && perByte < 20 * 0.9 / 2e9, "" + perByte);
    }

    @Test
    void shouldMarkWhatItIsFittedOn() {
        Truth truth = new Truth(0);
        List<StepResult> measured = new ArrayList<>();
        measured.add(truth.measure(2, 1, null, 16, CHUNK, true));
        measured.addAll(fittedPoints(truth));
        measured.add(truth.measure(1, 1, null, 64, CHUNK, false));
        measured.add(truth.measure(1, 1, null, 32, CHUNK, false));
        Prediction prediction = Prediction.of(measured);
        assertEquals(List.of(true, true, false, true, true, false),
                prediction.compare(measured).stream().map(Prediction.Comparison::fitted).toList());
        // Bound, each rank has its core; alone on the machine it is not.
        assertEquals(2.0 / 2, MachineLoad.occupancy(measured.get(0)));
        assertEquals(1.0 / 2, MachineLoad.occupancy(measured.get(4)));
        assertEquals(1.3, prediction.load().slowdown(1), 1e-9);
        assertEquals(1.15, prediction.load().slowdown(0.75), 1e-9);
        assertEquals(1, prediction.load().slowdown(0.1), 1e-9);
    }

    @Test
    void shouldTakeWhatDoesNotGrowWithTheBatchFromTwoBatches() {
        // An operation of 1 ms and 10 us a sample.
        List<StepResult> alone = List.of(simple(50, 1.5e-3), simple(200, 3e-3));
        ComputeModel model = new ComputeModel(alone);
        assertEquals(2e-3, model.seconds("forward", 100), 1e-12);
        assertEquals(1.5e-3 * 2, new ComputeModel(alone.subList(0, 1)).seconds("forward", 100), 1e-12);
        // Faster with more samples makes no sense: then it does not depend on them.
        assertEquals(2e-3, new ComputeModel(List.of(simple(50, 3e-3), simple(200, 1e-3))).seconds("forward", 100), 1e-12);
    }

    private static StepResult simple(int batch, double seconds) {
        return StepResults.of(1, 1, null, batch, SHAPES, CHUNK, List.of(new Operation("0.forward", "forward", 1, seconds)),
                new double[0], seconds);
    }

    @Test
    void shouldRefusePointsThatDoNotGoTogether() {
        List<StepResult> points = fittedPoints(new Truth(0));
        assertTrue(assertThrows(InvalidInputException.class, () -> new Prediction(points.subList(0, 1))).getMessage()
                .endsWith("there is none of several ranks"));
        assertTrue(assertThrows(InvalidInputException.class, () -> Prediction.of(points.subList(1, 3))).getMessage()
                .endsWith("there is none of one rank"));
        StepResult other = StepResults.of(2, 1, null, 64, StepResults.backwardOrder(8, 8), CHUNK, List.of(),
                new double[0], 1);
        Prediction prediction = new Prediction(points);
        assertTrue(assertThrows(InvalidInputException.class, () -> prediction.compare(List.of(other))).getMessage()
                .contains("do not go together"));
        StepResult otherCpu = StepResults.in(Map.of("cpu", Map.of("model", "Other")), points.get(1));
        assertTrue(assertThrows(InvalidInputException.class, () -> prediction.compare(List.of(otherCpu))).getMessage()
                .contains("(none, Other, fp32, batch 64)"));
        assertTrue(assertThrows(InvalidInputException.class,
                () -> prediction.compare(List.of(StepResults.accumulating(4, points.get(1))))).getMessage()
                .endsWith(" was measured with train.accumulate 4; a prediction takes steps of one micro-batch"));
        assertTrue(assertThrows(InvalidInputException.class,
                () -> prediction.compare(List.of(StepResults.synchronizing(points.get(1))))).getMessage()
                .endsWith(" was measured with sync-batch-norm, or another module that sums over ranks; a prediction takes"
                        + " steps that sum nothing within forward and backward"));
        Prediction oneHost = new Prediction(points.subList(0, 2));
        assertThrows(InvalidInputException.class, () -> oneHost.stepSeconds(Prediction.Setting.of(points.get(2))));
    }

    @Test
    void shouldSayInWhatPointsDiffer() {
        List<StepResult> points = fittedPoints(new Truth(0));
        refused(points, StepResults.ofModel(List.of("linear", "dropout: 0.5"), points.get(1)), "model");
        refused(points, StepResults.updatedBy("sgd with momentum", points.get(1)), "optimizer");
        refused(points, StepResults.ofModel(List.of("gelu"), StepResults.updatedBy("adam", points.get(1))), "model, optimizer");
    }

    private static void refused(List<StepResult> points, StepResult other, String differences) {
        List<StepResult> all = List.of(points.get(0), other);
        for (Executable predicting : List.<Executable>of(() -> new Prediction(points).compare(List.of(other)),
                () -> new Prediction(all))) {
            String found = assertThrows(InvalidInputException.class, predicting).getMessage();
            assertTrue(found.contains(" do not go together, as they differ in " + differences + "; a prediction takes points"
                    + " that are alike in all of CPU, device, model, optimizer, precision, threads a rank"), found);
        }
    }

    @Test
    void shouldNoteWhatElseMayMakePointsDiffer() {
        List<StepResult> p = fittedPoints(new Truth(0));
        List<StepResult> others = List.of(
                StepResults.in(Map.of("lockstep", Map.of("commit", "a"), "mpi", "none"), p.get(0)),
                StepResults.in(Map.of("lockstep", Map.of("commit", "b"), "mpi", "M 4, 2 ranks started by m"), p.get(1)),
                StepResults.in(Map.of("lockstep", Map.of("commit", "b"), "mpi", "M 5, 2 ranks started by m"), p.get(2)));

        Prediction prediction = new Prediction(p);
        assertEquals(List.of("The points differ in commits of the program: a; b.",
                "The points differ in MPI: M 4, started by m; M 5, started by m."), prediction.notes(others, 2));
        assertEquals(List.of(), prediction.notes(others.subList(1, 2), 2));
        StepResult four = new Truth(0).measure(4, 2, "1gbit", 64, CHUNK, true);
        assertEquals(List.of("The points differ in how ranks of a machine sum: MPI; shared memory."),
                prediction.notes(List.of(p.get(0), p.get(2), four, StepResults.sharing(four)), 2));
    }

    @Test
    void shouldNoteThatSumsWithinAHostWereNotMeasured() {
        List<StepResult> points = fittedPoints(new Truth(0));
        Prediction prediction = new Prediction(List.of(points.get(0), points.get(2)));
        assertEquals(List.of(), prediction.notes(points, 1));
        assertEquals(List.of("No fitted point has several ranks on one host alone: sums within a host are predicted to take no"
                + " time."), prediction.notes(points, 2));
    }

    @Test
    void shouldNotMixSumsInSharedMemoryWithThoseByMpi() {
        List<StepResult> points = fittedPoints(new Truth(0));
        StepResult sharing = StepResults.sharing(points.get(1));
        StepResult four = new Truth(0).measure(4, 2, "1gbit", 64, CHUNK, true);
        // A host's only rank shares memory with nobody.
        List<StepResult> measured = List.of(points.get(0), sharing, points.get(1), points.get(2));
        assertEquals(List.of(true, true, false, true),
                Prediction.of(measured).compare(measured).stream().map(Prediction.Comparison::fitted).toList());
        String refusal = assertThrows(InvalidInputException.class,
                () -> Prediction.of(List.of(points.get(0), sharing, four))).getMessage();
        assertTrue(refusal.contains("test on 2 ranks") && refusal.contains("test on 4 ranks")
                && refusal.endsWith("and sum by MPI in the other; a prediction is fitted on points of one kind, which --fit"
                        + " chooses"), refusal);
        Prediction.of(List.of(points.get(0), sharing, StepResults.sharing(four)));
    }

    @Test
    void shouldForecastWeakAndStrongScalingByPowersOfTwo() {
        ScalingForecast forecast = ScalingForecast.of(new Prediction(fittedPoints(new Truth(0))));
        assertEquals(2, forecast.ranksPerHost());
        List<ScalingForecast.Row> weak = forecast.weak(64, 4096);
        assertEquals(13, weak.size());
        assertEquals(1, weak.get(0).efficiency());
        assertEquals(2048, weak.get(12).hosts());
        assertEquals(64 * 4096, weak.get(12).globalBatch());
        for (int i = 1; i < weak.size(); i++) {
            assertTrue(weak.get(i).predicted() && weak.get(i).efficiency() < weak.get(i - 1).efficiency(), weak::toString);
            assertEquals(weak.get(i).globalBatch() / weak.get(i).stepSeconds(), weak.get(i).samplesPerSecond(), 1e-6);
        }
        ScalingForecast.Row large = forecast.weak(1 << 20, 4096).get(12);
        assertEquals(1L << 32, large.globalBatch());
        assertTrue(large.samplesPerSecond() > 0);
        List<ScalingForecast.Row> strong = forecast.strong(96, 4096);
        assertEquals(List.of(96, 48, 24, 12, 6, 3), strong.stream().map(ScalingForecast.Row::batchSize).toList());
        assertTrue(strong.stream().allMatch(row -> row.globalBatch() == 96 && row.efficiency() <= 1), strong::toString);
    }

    @ParameterizedTest(name = "one rank on {0} cores, two on {1}, two hosts with {2}, {3} ranks a host")
    @CsvSource({"2, 2, 2, 2", "2, 2, 2, 1", "2, 2, 4, 1", "4, 2, 2, 1", "2, 2, 1, 1", "2, 1, 8, 1", "2, 1, 8, 2"})
    void shouldForecastOfMeasuredSettingsWhatItPredictsForThem(int cores, int coresOfTwo, int coresOfHosts, int ranksPerHost) {
        List<StepResult> measured = fittedPoints(new Truth(0));
        List<StepResult> points = List.of(StepResults.onCores(cores, measured.get(0)),
                StepResults.onCores(coresOfTwo, measured.get(1)), StepResults.onCores(coresOfHosts, measured.get(2)));
        Prediction prediction = new Prediction(points);
        double link = LinkRate.parse("1gbit").bytesPerSecond();

        List<ScalingForecast.Row> rows = new ScalingForecast(prediction, ranksPerHost, link).weak(64, 2);

        assertEquals(predicted(prediction, points.get(0)), rows.get(0).stepSeconds(), 1e-12);
        assertEquals(predicted(prediction, points.get(ranksPerHost == 2 ? 1 : 2)), rows.get(1).stepSeconds(), 1e-12);
    }

    private static double predicted(Prediction prediction, StepResult point) {
        return prediction.compare(List.of(point)).get(0).predictedSeconds();
    }

    @Test
    void shouldForecastOneHostWhereNoLinkIsKnown() {
        ScalingForecast forecast = ScalingForecast.of(new Prediction(fittedPoints(new Truth(0)).subList(0, 2)));
        assertEquals(List.of(1, 2), forecast.weak(64, 4096).stream().map(ScalingForecast.Row::ranks).toList());
    }

    @Test
    void shouldForecastALargerHostOfTheSameKind() {
        ScalingForecast forecast =
                new ScalingForecast(new Prediction(fittedPoints(new Truth(0)).subList(0, 2)), 8, Double.NaN);
        List<ScalingForecast.Row> weak = forecast.weak(64, 8);
        assertEquals(List.of(1, 2, 4, 8), weak.stream().map(ScalingForecast.Row::ranks).toList());
        assertTrue(weak.stream().allMatch(row -> row.hosts() == 1));
        // Four ranks take four messages and half as many bytes again for each chunk: more than two, less than twice that.
        double two = weak.get(1).stepSeconds();
        assertTrue(weak.get(2).stepSeconds() > two && weak.get(2).stepSeconds() < 2 * two, weak::toString);
    }
}

package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AllReduceBenchmarkTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int LARGEST = 3000;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void shouldHaveTheSameResultOnAllRanks(int ranks) {
        AllReduceResult[] results = measure(ranks, 1500, communicator -> communicator, rank -> OptionalInt.of(4));
        for (AllReduceResult result : results) {
            assertEquals(results[0], result);
        }
        assertEquals(1500, results[0].elementCount());
        assertEquals(6000, results[0].bytes());
        assertEquals(ranks, results[0].ranks());
        assertEquals(4, results[0].iterations());
        assertEquals(0, results[0].wrongElements());
        check(results[0].communicationThread());
        check(results[0].callingThread());
    }

    private static void check(AllReduceResult.Timing timing) {
        assertTrue(timing.collectiveSeconds() > 0, timing::toString);
        assertTrue(timing.handOverSeconds() >= 0, timing::toString);
        assertEquals(timing.seconds(), timing.collectiveSeconds() + timing.handOverSeconds(), 1e-12);
        assertTrue(timing.p50Seconds() <= timing.p99Seconds(), timing::toString);
    }

    @Test
    void shouldAgreeOnHowManyToTime() {
        AllReduceResult[] results = measure(3, 1, communicator -> communicator, rank -> OptionalInt.empty());
        assertTrue(results[0].iterations() >= AllReduceBenchmark.FEWEST_ITERATIONS, results[0]::toString);
        assertEquals(results[0], results[2]);
    }

    @Test
    void shouldTimeAsManyAsRank0SaysWhereTheRanksAreToldOtherwise() {
        AllReduceResult[] results = measure(3, 1, communicator -> communicator, rank -> OptionalInt.of(20 + rank));
        assertEquals(20, results[2].iterations());
    }

    @ParameterizedTest
    @CsvSource({"1e-9, 10000", "2e-5, 10000", "1e-3, 200", "0.0101, 20", "0.02, 10", "5, 10"})
    void shouldFillALoopWithinBounds(double seconds, int iterations) {
        assertEquals(iterations, AllReduceBenchmark.iterations(seconds));
    }

    @Test
    void shouldCountAWrongElementOfOneRankOnAll() {
        AllReduceResult[] results = measure(3, LARGEST, communicator -> communicator.rank() == 1
                ? FaultyCommunicator.wrongElement(communicator, 2345) : communicator, rank -> OptionalInt.of(1));
        for (AllReduceResult result : results) {
            assertEquals(1, result.communicationThread().wrongElements());
            assertEquals(1, result.callingThread().wrongElements());
            assertEquals(2, result.wrongElements());
        }
    }

    @Test
    void shouldCountEveryElementOnEveryRankWhereAContributionIsLost() {
        AllReduceResult[] results = measure(2, LARGEST, communicator -> communicator.rank() == 1
                ? FaultyCommunicator.lostContribution(communicator) : communicator, rank -> OptionalInt.of(1));
        assertEquals(2 * LARGEST, results[0].communicationThread().wrongElements());
        assertEquals(2 * LARGEST, results[1].callingThread().wrongElements());
    }

    @Test
    void shouldMeasureTheCallsOfARankAlone() {
        try (Communicator communicator = new SingleRank(); Device device = new ReferenceDevice()) {
            AllReduceResult result = new AllReduceBenchmark(communicator, device.allocate(DataType.FLOAT32, 8), 1)
                    .measure(8, OptionalInt.of(3));
            assertEquals(0, result.wrongElements());
            assertEquals(0, result.communicationThread().collectiveSeconds());
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "2, 1", "4, 1.5", "8, 1.75"})
    void shouldComputeBandwidthsAsNcclTests(int ranks, double factor) {
        AllReduceResult.Timing timing = new AllReduceResult.Timing(2e-3, 2e-3, 2e-3, 1e-3, 0);
        AllReduceResult result = new AllReduceResult(1_000_000, ranks, 1, timing, timing);
        assertEquals(2, result.algorithmBandwidth(timing), 1e-12);
        assertEquals(2 * factor, result.busBandwidth(timing), 1e-12);
    }

    @Test
    void shouldTakeThePercentileThatSoManyDoNotExceed() {
        double[] sorted = new double[200];
        for (int i = 0; i < sorted.length; i++) {
            sorted[i] = i + 1;
        }
        assertEquals(100, AllReduceBenchmark.percentile(sorted, 50));
        assertEquals(198, AllReduceBenchmark.percentile(sorted, 99));
        assertEquals(7, AllReduceBenchmark.percentile(new double[] {7}, 99));
    }

    /** Each rank's result. */
    private static AllReduceResult[] measure(int ranks, int elementCount, UnaryOperator<Communicator> fault,
            IntFunction<OptionalInt> iterations) {
        AllReduceResult[] results = new AllReduceResult[ranks];
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                AllReduceBenchmark benchmark = new AllReduceBenchmark(fault.apply(communicator),
                        device.allocate(DataType.FLOAT32, LARGEST), 2);
                results[communicator.rank()] = benchmark.measure(elementCount, iterations.apply(communicator.rank()));
            }
        });
        return results;
    }
}

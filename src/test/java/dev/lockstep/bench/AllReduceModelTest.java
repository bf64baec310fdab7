package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.AllReduceModel.Cost;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class AllReduceModelTest {
    private static final long MIB = 1 << 20;

    @Test
    void shouldCountMessagesAndBytesOfHalvingAndDoubling() {
        assertEquals(new Cost(2, MIB), AllReduceModel.withinHost(MIB, 2, 1, false));
        assertEquals(new Cost(4, 1.5 * MIB), AllReduceModel.withinHost(MIB, 4, 1, false));
        assertEquals(new Cost(10, 2 * MIB * 31 / 32.0), AllReduceModel.withinHost(MIB, 32, 1, false));
        // Two ranks on each of four hosts.
        assertEquals(new Cost(2, MIB), AllReduceModel.withinHost(MIB, 8, 4, false));
        assertEquals(new Cost(4, 1.5 * MIB), AllReduceModel.betweenHosts(MIB, 8, 4, false));
        assertEquals(new Cost(0, 0), AllReduceModel.withinHost(MIB, 4, 4, false));
    }

    @Test
    void shouldCountTwoWaitsInSharedMemory() {
        assertEquals(new Cost(2, MIB), AllReduceModel.withinHost(MIB, 2, 1, true));
        assertEquals(new Cost(2, MIB), AllReduceModel.withinHost(MIB, 32, 1, true));
        assertEquals(new Cost(2, MIB), AllReduceModel.withinHost(MIB, 6, 3, true));
        assertEquals(new Cost(0, 0), AllReduceModel.withinHost(MIB, 3, 3, true));
    }

    /** Each of a host's ranks sums its part with one rank of each other host. */
    @Test
    void shouldSendPartsBetweenHostsWhoseRanksShareMemory() {
        assertEquals(new Cost(4, 1.5 * MIB), AllReduceModel.betweenHosts(MIB, 8, 4, true));
        assertEquals(new Cost(5, 3 * MIB), AllReduceModel.betweenHosts(MIB, 6, 3, true));
        // 16 KiB are four parts that MPI takes for small ones.
        assertEquals(new Cost(1, 16 << 10), AllReduceModel.betweenHosts(16 << 10, 8, 2, true));
        assertEquals(AllReduceModel.betweenHosts(MIB, 4, 4, false), AllReduceModel.betweenHosts(MIB, 4, 4, true));
    }

    @Test
    void shouldDoubleOnlyWhatIsSmall() {
        assertEquals(new Cost(3, 3 * 1024), AllReduceModel.withinHost(1024, 8, 1, false));
        // Both ranks of a host send all of it over the link.
        assertEquals(new Cost(2, 2 * 2 * 1024), AllReduceModel.betweenHosts(1024, 8, 4, false));
    }

    /** Between two of three ranks pass: half of the numbers each way, the half that the other has summed, the sums. */
    @Test
    void shouldFoldWhatIsBeyondAPowerOfTwo() {
        assertEquals(new Cost(5, 3 * MIB), AllReduceModel.withinHost(MIB, 3, 1, false));
        assertEquals(new Cost(5, 3 * MIB), AllReduceModel.betweenHosts(MIB, 3, 3, false));
        assertEquals(new Cost(0, 0), AllReduceModel.withinHost(MIB, 3, 3, false));
    }

    @Test
    void shouldRecoverLatencyAndBandwidth() {
        StepResult host = point(4, 1, null, bytes -> 4 * 20e-6 + 1.5 * bytes / 3e9);
        StepResult slow = point(4, 2, "1gbit",
                bytes -> 2 * 20e-6 + bytes / 3e9 + 2 * 50e-6 + bytes / (0.9 * 1e9 / 8));
        StepResult fast = point(2, 2, "4gbit", bytes -> 2 * 50e-6 + bytes / (0.9 * 4e9 / 8));
        AllReduceModel model = AllReduceModel.fit(List.of(host, slow, fast));
        assertEquals(20e-6, model.host().latencySeconds(), 1e-12);
        assertEquals(3e9, 1 / model.host().secondsPerByte(), 1);
        assertEquals(50e-6, model.link().latencySeconds(), 1e-11);
        assertEquals(0.9, 1 / model.link().secondsPerByte(), 1e-9);
        assertTrue(model.linkIsRelative());
        double seconds = 2 * 20e-6 + 2.0 / 2 * MIB / 3e9 + 4 * 50e-6 + 1.5 * MIB / (0.9 * 2e9 / 8);
        assertEquals(seconds, model.seconds(MIB, 8, 4, 2e9 / 8), 1e-12);
    }

    @Test
    void shouldTakeALinkWhoseRateIsNotKnownAsItIs() {
        AllReduceModel model = AllReduceModel.fit(List.of(point(2, 2, null, bytes -> 2 * 50e-6 + bytes / 1e8)));
        assertEquals(1e8, 1 / model.link().secondsPerByte(), 1e-3);
        assertFalse(model.linkIsRelative());
        assertFalse(model.knowsHost());
        assertEquals(2 * 50e-6 + MIB / 1e8, model.seconds(MIB, 2, 2, Double.NaN), 1e-12);
    }

    @Test
    void shouldTakeChunksOfOneSizeForBandwidthAlone() {
        StepResult point = StepResults.withChunks(2, 1, null, new long[] {MIB, MIB}, new double[] {0.001, 0.001});
        AllReduceModel model = AllReduceModel.fit(List.of(point));
        assertEquals(0, model.host().latencySeconds());
        assertEquals(0.001, model.seconds(MIB, 2, 1, Double.NaN), 1e-12);
    }

    @Test
    void shouldNotFindANegativeLatencyOrBandwidth() {
        // A bucket of tokens lets the first message pass at ten times the rate of those behind it.
        long[] bytes = LongStream.concat(LongStream.of(MIB / 8), LongStream.generate(() -> 4 * MIB).limit(20)).toArray();
        double[] seconds = Arrays.stream(bytes).mapToDouble(each -> each / 1e8).toArray();
        seconds[0] /= 10;
        AllReduceModel.Level link = AllReduceModel.fit(List.of(StepResults.withChunks(2, 2, null, bytes, seconds))).link();
        assertEquals(0, link.latencySeconds());
        assertEquals(1e8, 1 / link.secondsPerByte(), 0.02 * 1e8);
        StepResult late = StepResults.withChunks(2, 1, null, new long[] {MIB, 4 * MIB}, new double[] {0.004, 1e-6});
        assertTrue(AllReduceModel.fit(List.of(late)).host().secondsPerByte() >= 0);
    }

    @Test
    void shouldRefuseRatesOfSomeLinksOnly() {
        List<StepResult> points = List.of(point(2, 2, null, bytes -> bytes), point(2, 2, "1gbit", bytes -> bytes));
        assertThrows(InvalidInputException.class, () -> AllReduceModel.fit(points));
    }

    private static StepResult point(int ranks, int hosts, String linkRate, LongToDoubleFunction seconds) {
        long[] bytes = LongStream.of(MIB / 64, MIB / 4, 4 * MIB, 4 * MIB).toArray();
        return StepResults.withChunks(ranks, hosts, linkRate, bytes, Arrays.stream(bytes).mapToDouble(seconds).toArray());
    }
}

package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class UpdateBenchmarkTest {
    @Test
    void shouldGiveEachRankTheSameBandwidths() {
        List<List<UpdateBenchmark.Row>> ofRanks = Collections.synchronizedList(new ArrayList<>());
        RankThreads.run(2, Duration.ofSeconds(60), communicator -> {
            try (Device device = new CpuDevice(1)) {
                ofRanks.add(new UpdateBenchmark(device, 100_003).run(0.01, communicator));
            }
        });
        List<UpdateBenchmark.Row> rows = ofRanks.get(0);
        assertEquals(rows, ofRanks.get(1));
        assertEquals(List.of("copy", "sgd", "sgd with momentum", "adam"),
                rows.stream().map(UpdateBenchmark.Row::name).toList());
        // What each reads and writes, float by float: g to m; p, g, p; p, g, m, p, m; p, g, m, v, p, m, v.
        assertEquals(List.of(8, 12, 20, 28), rows.stream().map(UpdateBenchmark.Row::bytesPerParameter).toList());
        for (UpdateBenchmark.Row row : rows) {
            assertTrue(row.seconds() > 0, row::toString);
            double bandwidth = row.bytesPerParameter() * 100_003e-9 / row.seconds();
            assertEquals(bandwidth, row.gigabytesPerSecond(), 1e-9 * bandwidth);
            double share = bandwidth / rows.get(0).gigabytesPerSecond();
            assertEquals(share, row.shareOfCopy(), 1e-9 * share);
        }
    }
}

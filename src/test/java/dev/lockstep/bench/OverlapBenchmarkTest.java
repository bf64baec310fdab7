package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.RankThreads;
import dev.lockstep.train.SmallJobs;
import dev.lockstep.train.StepBreakdown;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingListener;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

class OverlapBenchmarkTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @Test
    void shouldTakeTurnsAndPutThemTogether() {
        Job job = SmallJobs.job("data.train.samples=64", "distributed={first-bucket: 4B, bucket: 4B, chunk: 4B}");
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                StringBuilder overlapped = new StringBuilder();
                Trainer[] trainer = new Trainer[1];
                trainer[0] = SmallJobs.trainer(job, device, communicator, new TrainingListener() {
                    @Override
                    public void stepDone(int epoch, long step, int stepOfEpoch, DoubleSupplier loss) {
                        overlapped.append(trainer[0].overlaps()).append(' ');
                    }
                });
                int chunks = trainer[0].replica().plan().chunks().size();
                assertTrue(chunks > 4, "" + chunks);
                OverlapBenchmark.Sides sides = new OverlapBenchmark(trainer[0],
                        new StepBenchmark(job, trainer[0], communicator)).run(3, 1, 2);
                assertEquals("true ".repeat(3) + "false ".repeat(6) + "true ".repeat(6) + "false ".repeat(3),
                        overlapped.toString());
                for (StepBenchmark.Measurement side : List.of(sides.on(), sides.off())) {
                    assertEquals(6, side.stepSeconds().length);
                    assertEquals(chunks, side.chunkSeconds().length);
                    assertTrue(side.breakdown().orElseThrow().commSeconds() > 0);
                    assertTrue(side.operations().stream().allMatch(operation -> operation.seconds() > 0));
                    assertEquals(chunks, side.operations().stream()
                            .filter(operation -> operation.name().startsWith("update ")).count());
                }
                StepBreakdown off = sides.off().breakdown().orElseThrow();
                assertEquals(off.commSeconds(), Arrays.stream(sides.off().chunkSeconds()).sum(), 1e-9);
            }
        });
    }
}

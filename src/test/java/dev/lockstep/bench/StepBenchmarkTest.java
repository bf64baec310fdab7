package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.RankThreads;
import dev.lockstep.train.SmallJobs;
import dev.lockstep.train.StepBreakdown;
import dev.lockstep.train.StepTimes.OperationTime;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingListener;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepBenchmarkTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final TrainingListener NO_LISTENER = new TrainingListener() { };

    /** An epoch of 50 samples in batches of 8 has six full steps and a short one, on two ranks three and a short one. */
    @ParameterizedTest(name = "{0} samples on {1} ranks, {2} steps after {3}: the last is step {4}")
    @CsvSource({
        "50, 1, 6, 0, 6",
        "50, 1, 7, 0, 8",
        "50, 1, 10, 2, 13",
        "50, 1, 1, 7, 8",
        "50, 2, 7, 0, 9",
        "48, 2, 7, 0, 7",
        "5, 1, 3, 1, 4",
    })
    void shouldCountFullStepsOnly(int samples, int ranks, int steps, int warmUpSteps, int last) {
        Job job = SmallJobs.job("data.train.samples=" + samples);
        Map<Integer, double[]> seconds = new ConcurrentHashMap<>();
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                Trainer trainer = SmallJobs.trainer(job, device, communicator, NO_LISTENER);
                StepBenchmark benchmark = new StepBenchmark(job, trainer, communicator);
                assertEquals(1, benchmark.stepsPerTime());
                StepBenchmark.Measurement measurement = benchmark.run(warmUpSteps, steps);
                double[] measured = measurement.stepSeconds();
                assertEquals(last, trainer.step());
                assertEquals(steps, measured.length);
                assertTrue(Arrays.stream(measured).allMatch(time -> time > 0), () -> Arrays.toString(measured));
                StepBreakdown breakdown = measurement.breakdown().orElseThrow();
                assertTrue(breakdown.stepSeconds() > breakdown.forwardSeconds(), breakdown::toString);
                assertEquals(2 * (6 * 5 * 2 + 5 * 3 * 3) * trainer.batchSize(),
                        breakdown.gigaflops() * 1e9 * breakdown.stepSeconds(), 1e-6);
                assertEquals(List.of("gather", "0.forward", "2.forward", "loss", "2.backward.bias",
                        "2.backward.weight rows 0-3", "2.backward.input", "0.backward.weight rows 0-5", "update chunk 0"),
                        measurement.operations().stream().map(OperationTime::name).toList());
                assertEquals(ranks == 1 ? 0 : 1, measurement.chunkSeconds().length);
                seconds.put(communicator.rank(), measured);
                // From the start of the next epoch.
                benchmark.run(1, 1);
                assertEquals(last + 2, trainer.step());
            }
        });
        seconds.values().forEach(each -> assertArrayEquals(seconds.get(0), each));
    }

    @Test
    void shouldTakeTheLargestOfAllRanks() {
        RankThreads.run(3, LIMIT, communicator -> assertArrayEquals(new double[] {2, 0.5, 4},
                StepBenchmark.maximum(communicator, new double[] {communicator.rank(), 0.5, 4 - communicator.rank()})));
    }
}

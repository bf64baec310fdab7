package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.RankThreads;
import java.math.BigInteger;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Holds the estimate to what a trainer takes. */
class MemoryEstimateTest {
    private static final String TEST_DATA =
            "data.test={format: synthetic, samples: 300, features: 64, classes: 3, seed: 1}";

    @ParameterizedTest
    @ValueSource(strings = {
        "[{linear: {in: 64, out: 3}}]",
        "[{linear: {in: 64, out: 128}}, relu, {linear: {in: 128, out: 10}}]",
        "[{linear: {in: 64, out: 100}}, gelu, {linear: {in: 100, out: 50}}, tanh, {linear: {in: 50, out: 7}}]",
        "[sigmoid, {linear: {in: 64, out: 90}}, {linear: {in: 90, out: 70}}, relu, tanh, {linear: {in: 70, out: 3}}, relu]",
        "[{linear: {in: 64, out: 1500}}, relu, {linear: {in: 1500, out: 10}}]",
        "[{module: {class: dev.lockstep.nn.Scale}}, relu, {module: {class: dev.lockstep.train.CustomModulesTest$TwoLinear,"
                + " hidden: 300, out: 3}}]",
        "[batch-norm, {linear: {in: 64, out: 90}}, sync-batch-norm, relu, {linear: {in: 90, out: 50}}, layer-norm]",
        "[{dropout: 0.1}, {linear: {in: 64, out: 90}}, relu, {dropout: 0.1}, {residual: [{linear: {in: 90, out: 40}}, relu,"
                + " {linear: {in: 40, out: 90}}, {dropout: 0.1}]}, {residual: [layer-norm]}, {linear: {in: 90, out: 5}}]",
    })
    void shouldComeNearToWhatATrainerTakes(String model) {
        for (String optimizer : List.of("sgd={lr: 0.1}", "sgd={lr: 0.1, momentum: 0.9}", "adam={}")) {
            for (String batch : List.of("5", "128", "1000000")) {
                List<String> common = List.of("model=" + model, "optimizer." + optimizer,
                        "train.batch-size=" + batch,
                        "data.train={format: synthetic, samples: 900, features: 64, classes: 3}");
                compare(SmallJobs.job(common), 1);
                compare(SmallJobs.job(with(common, TEST_DATA)), 1);
                compare(SmallJobs.job(with(common, TEST_DATA)), 3);
            }
        }
    }

    @Test
    void shouldCountTargetsThatAreNumbers() {
        for (String outputs : List.of("1", "100")) {
            List<String> job = List.of("model=[{linear: {in: 64, out: " + outputs + "}}]", "loss=mse",
                    "train.batch-size=700",
                    "data.train={format: synthetic, samples: 900, features: 64, outputs: " + outputs + "}",
                    "data.test={format: synthetic, samples: 800, features: 64, outputs: " + outputs + "}");
            compare(SmallJobs.job(job), 1);
            compare(SmallJobs.job(job), 3);
        }
    }

    private static void compare(Job job, int ranks) {
        MemoryEstimate estimate = SmallJobs.memory(job, ranks);
        double estimated = estimate.total().subtract(BigInteger.valueOf(MemoryEstimate.BASE_BYTES)).doubleValue();
        if (ranks == 1) {
            try (Device device = new CpuDevice(1); SingleRank communicator = new SingleRank()) {
                SmallJobs.trainer(job, device, communicator, new TrainingListener() { });
                assertEquals(device.allocatedBytes(), estimated, 0.05 * device.allocatedBytes(), job::toString);
            }
        } else {
            RankThreads.run(ranks, Duration.ofSeconds(60), communicator -> {
                try (Device device = new CpuDevice(1)) {
                    SmallJobs.trainer(job, device, communicator, new TrainingListener() { });
                    assertEquals(device.allocatedBytes(), estimated, 0.05 * device.allocatedBytes(), job::toString);
                }
            });
        }
    }

    private static List<String> with(List<String> sets, String more) {
        return Stream.concat(sets.stream(), Stream.of(more)).toList();
    }
}

package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.cuda.CudaDeviceOrSkip;
import dev.lockstep.device.cuda.MatmulPrecision;
import dev.lockstep.job.ActivationKind;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class GemmBenchmarkTest {
    private static final List<LayerConfig> MODEL = List.of(new LayerConfig.LinearLayer(12, 7),
            new LayerConfig.ActivationLayer(ActivationKind.RELU), new LayerConfig.LinearLayer(7, 3));

    /** Nobody wants the gradient of the model's input. */
    private static final double FLOPS_PER_SAMPLE = 2 * (12 * 7 * 2 + 7 * 3 * 3);

    @Test
    void shouldTimeEveryProductOfAStepOnTheCpu() {
        try (Device device = new CpuDevice(1)) {
            check(device);
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldTimeThemInEveryPrecisionOfAGpu(MatmulPrecision precision) {
        try (Device device = CudaDeviceOrSkip.openOrSkip(precision)) {
            check(device);
        }
    }

    @Test
    void shouldTakeTheLargestTimesOfAllRanks() {
        RankThreads.run(2, Duration.ofSeconds(30), communicator -> {
            double seconds = 1 + communicator.rank();
            assertEquals(result(2, 2, 2), result(seconds, 3 - seconds, seconds).slowest(communicator));
        });
    }

    private static GemmBenchmark.Result result(double forward, double carrying, double step) {
        return new GemmBenchmark.Result(List.of(new GemmBenchmark.Product("0 forward", 5, 7, 12, forward, "how")),
                List.of(new GemmBenchmark.Product("0 forward, bias, ReLU", 5, 7, 12, carrying, "")), 1000, step);
    }

    private static void check(Device device) {
        GemmBenchmark.Result result = new GemmBenchmark(device, MODEL, 5, 5).run(0.01);
        assertEquals(List.of("0 forward", "2 forward", "2 weight gradient", "2 input gradient", "0 weight gradient"),
                result.products().stream().map(GemmBenchmark.Product::name).toList());
        assertEquals(List.of("0 forward, bias, ReLU", "2 input gradient, ReLU's, bias's"),
                result.carrying().stream().map(GemmBenchmark.Product::name).toList());
        assertTrue(Stream.of(result.products(), result.carrying()).flatMap(List::stream)
                .allMatch(product -> product.seconds() > 0));
        assertTrue(result.secondsPerStep() > 0);
        assertEquals(5 * FLOPS_PER_SAMPLE, result.flopsPerStep());

        // Three micro-batches, the last of them short.
        GemmBenchmark.Result accumulating = new GemmBenchmark(device, MODEL, 5, 12).run(0.01);
        assertEquals(12 * FLOPS_PER_SAMPLE, accumulating.flopsPerStep());
        assertEquals(12 * FLOPS_PER_SAMPLE, accumulating.gigaflops() * 1e9 * accumulating.secondsPerStep(), 1e-6);
        assertEquals(5, accumulating.products().size());
        assertEquals(5, accumulating.products().get(0).m());
    }
}

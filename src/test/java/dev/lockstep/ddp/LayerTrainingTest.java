package dev.lockstep.ddp;

import static dev.lockstep.Golden.numbers;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.data.DeferredDevice;
import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.nn.ActivationModule;
import dev.lockstep.nn.BatchNorm;
import dev.lockstep.nn.Dropout;
import dev.lockstep.nn.LayerNorm;
import dev.lockstep.nn.Linear;
import dev.lockstep.nn.Module;
import dev.lockstep.nn.Residual;
import dev.lockstep.nn.Sequential;
import dev.lockstep.optim.SgdSettings;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Norms, dropout and residual blocks over many steps: against PyTorch, and on several ranks against one. */
@Timeout(120)
class LayerTrainingTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int IN = 6;
    private static final double LOSS_TOLERANCE = 1e-6;
    /** Of parameters after 50 steps in float, which PyTorch and this round differently. */
    private static final double STATE_TOLERANCE = 1e-5;

    /** Deferred: a device with memory that the host does not see and work that is put off. */
    enum Backend {
        REFERENCE(ReferenceDevice::new), CPU(() -> new CpuDevice(1)), CPU_WITH_THREADS(() -> new CpuDevice(3)),
        DEFERRED(DeferredDevice::new);

        private final Supplier<Device> maker;

        Backend(Supplier<Device> maker) {
            this.maker = maker;
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldTrainAndEvaluateAsPyTorch(Backend backend) {
        JsonNode golden = Golden.file("layers/layers");
        JsonNode cases = golden.get("training");
        List<Sequential> models = models();
        assertEquals(models.size(), cases.size());
        for (int i = 0; i < models.size(); i++) {
            try (Device device = backend.maker.get(); Communicator alone = new SingleRank()) {
                check(golden, cases.get(i), models.get(i), device, alone);
            }
        }
    }

    /** As make_layers_golden.py has them. */
    private static List<Sequential> models() {
        Module relu = new ActivationModule(Activation.RELU);
        Module tanh = new ActivationModule(Activation.TANH);
        Module gelu = new ActivationModule(Activation.GELU);
        return List.of(
                sequential(new Linear(6, 16), new BatchNorm(16, 1e-5, 0.1, false), relu, new Linear(16, 12), tanh,
                        new BatchNorm(12, 1e-3, 0.3, false), new Linear(12, 3)),
                sequential(new BatchNorm(6, 1e-5, 0.1, false), new Linear(6, 16), new ActivationModule(Activation.SIGMOID),
                        new Linear(16, 3), new BatchNorm(3, 1e-5, 0.1, true)),
                sequential(new LayerNorm(6, 1e-5), new Linear(6, 16), new LayerNorm(16, 1e-3), gelu, new Linear(16, 3)),
                sequential(new Dropout(0.2), new Linear(6, 16), relu, new Dropout(0.5), new Linear(16, 3)),
                sequential(new Linear(6, 8), new Residual(sequential(new LayerNorm(8, 1e-5), new Linear(8, 16), gelu,
                        new Dropout(0.1), new Linear(16, 8))), new Residual(sequential(new BatchNorm(8, 1e-5, 0.1, false),
                                tanh, new Residual(sequential(new Linear(8, 8))))), new Linear(8, 3)));
    }

    private static Sequential sequential(Module... modules) {
        return new Sequential(List.of(modules));
    }

    private static void check(JsonNode golden, JsonNode expected, Sequential model, Device device, Communicator alone) {
        int batch = golden.get("batch").asInt();
        double[] x = numbers(golden.get("x"));
        int[] labels = Arrays.stream(numbers(golden.get("labels"))).mapToInt(label -> (int) label).toArray();
        Replica replica = new Replica(device, alone, model, IN, new SgdSettings(golden.get("lr").asDouble(),
                golden.get("momentum").asDouble(), 0, 0, false), Replica.Sizes.UNLIMITED, true, batch);
        double[] losses = numbers(expected.get("losses"));
        assertEquals(50, losses.length);
        String name = expected.get("name").asText();
        for (int step = 0; step < losses.length; step++) {
            int first = step % (labels.length / batch) * batch;
            replica.load(0, Arrays.copyOfRange(x, first * IN, (first + batch) * IN),
                    Arrays.copyOfRange(labels, first, first + batch));
            assertEquals(losses[step], replica.step(0), LOSS_TOLERANCE * losses[step], name + ", step " + step);
        }
        expected.get("parameters").properties().forEach(parameter -> assertClose(name + ", " + parameter.getKey(),
                numbers(parameter.getValue()), Buffers.read(replica.arena.parameter(parameter.getKey()).value())));
        assertEquals(model.bufferShapes().size(), expected.get("buffers").size());
        expected.get("buffers").properties().forEach(buffer -> assertClose(name + ", " + buffer.getKey(),
                numbers(buffer.getValue()), Buffers.read(replica.buffers.values(buffer.getKey()))));
        assertClose(name + ", evaluation", numbers(expected.get("evaluation")), replica.evaluate(device, model, IN, x));
    }

    /** Every other batch is short; with three ranks it has one sample on each, and three on all of them. */
    @ParameterizedTest(name = "{0} ranks, overlap {1}, {2}")
    @CsvSource({"2, true, CPU", "3, true, CPU", "3, false, CPU", "2, true, DEFERRED", "3, true, REFERENCE"})
    void shouldNormaliseOverTheBatchesOfAllRanks(int ranks, boolean overlap, Backend backend) {
        // Two samples that are normalised to ±1 tell more of rounding than of themselves.
        int[] sizes = {5, ranks == 2 ? 2 : 1};
        Random random = new Random(20);
        double[][] features = IntStream.range(0, 20).mapToObj(step -> random.doubles((long) ranks * sizes[step % 2] * IN,
                -1, 3).map(value -> (float) value).toArray()).toArray(double[][]::new);
        int[][] labels = IntStream.range(0, 20).mapToObj(step -> random.ints(ranks * sizes[step % 2], 0, 3).toArray())
                .toArray(int[][]::new);
        SgdSettings settings = new SgdSettings(0.1, 0.9, 0, 0, false);
        Replica.Sizes small = new Replica.Sizes(64, 64, 64);

        double[] expected;
        List<double[]> buffers;
        double[] losses = new double[20];
        try (Device device = backend.maker.get(); Communicator alone = new SingleRank()) {
            Replica one = new Replica(device, alone, normed(false), IN, settings, small, overlap, ranks * sizes[0],
                    ranks * sizes[1]);
            for (int step = 0; step < 20; step++) {
                one.load(step % 2, features[step], labels[step]);
                losses[step] = one.step(step % 2);
            }
            expected = one.parameters();
            buffers = contents(one.buffers);
        }
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = backend.maker.get()) {
                Replica replica = new Replica(device, communicator, normed(true), IN, settings, small, overlap, sizes);
                for (int step = 0; step < 20; step++) {
                    replica.load(step % 2, features[step], labels[step]);
                    double[] loss = {replica.step(step % 2)};
                    communicator.allReduceSum(loss);
                    assertEquals(losses[step], loss[0] / ranks, 4e-6 * losses[step], "loss of step " + step);
                }
                assertClose("parameters", expected, replica.parameters());
                List<double[]> actual = contents(replica.buffers);
                for (int i = 0; i < actual.size(); i++) {
                    assertClose("buffer " + i, buffers.get(i), actual.get(i));
                }
                List<double[]> all = communicator.allGather(replica.parameters());
                all.forEach(each -> assertArrayEquals(all.get(0), each));
            }
        });
    }

    private static Sequential normed(boolean sync) {
        Module relu = new ActivationModule(Activation.TANH);
        return sequential(new BatchNorm(6, 1e-3, 0.2, sync), new Linear(6, 7), new BatchNorm(7, 1e-3, 0.1, sync), relu,
                new Residual(sequential(new Linear(7, 7), new BatchNorm(7, 1e-3, 0.1, sync), relu)), new Linear(7, 3));
    }

    private static List<double[]> contents(ModelBuffers buffers) {
        return buffers.modelOrder().stream().map(buffer -> Buffers.read(buffer.values())).toList();
    }

    private static void assertClose(String what, double[] expected, double[] actual) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        assertEquals(expected.length, actual.length, what);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], STATE_TOLERANCE * Math.max(largest, 0.1), what + ", element " + i);
        }
    }
}

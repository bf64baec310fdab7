package dev.lockstep.ddp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.nn.ActivationModule;
import dev.lockstep.nn.Linear;
import dev.lockstep.nn.Sequential;
import dev.lockstep.optim.SgdSettings;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Threads as ranks, each with a replica of a model, against each other and against one rank on the union batch. */
class ReplicasTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int STEPS = 50;
    private static final double TOLERANCE = 1e-5;
    private static final int GLOBAL_BATCH = 24;
    private static final int IN = 7;
    private static final int CLASSES = 5;
    /** Smooth, as a ReLU within rounding of zero would take one side here and the other there. */
    private static final Sequential MODEL = new Sequential(List.of(new Linear(IN, 13),
            new ActivationModule(Activation.TANH), new Linear(13, 11), new ActivationModule(Activation.GELU),
            new Linear(11, CLASSES)));
    private static final Sequential RELU_MODEL = new Sequential(List.of(new Linear(IN, 33),
            new ActivationModule(Activation.RELU), new Linear(33, CLASSES)));
    private static final SgdSettings SGD = new SgdSettings(0.1, 0.9, 1e-3, 0, true);
    /** So small that many chunks of several buckets are under way at once. */
    private static final Replica.Sizes SMALL = new Replica.Sizes(200, 600, 64);

    enum Backend {
        REFERENCE(ReferenceDevice::new), CPU(() -> new CpuDevice(1));

        private final Supplier<Device> maker;

        Backend(Supplier<Device> maker) {
            this.maker = maker;
        }
    }

    /** @param losses mean over the global batch, by step */
    private record Result(double[] losses, double[] parameters) {
    }

    static Stream<Arguments> backendsAndRanks() {
        return Arrays.stream(Backend.values())
                .flatMap(backend -> IntStream.rangeClosed(1, 4).mapToObj(ranks -> Arguments.of(backend, ranks)));
    }

    @ParameterizedTest
    @MethodSource("backendsAndRanks")
    void shouldTrainAsOneRankOnTheUnionBatch(Backend backend, int ranks) {
        Result expected = trainAlone(backend, MODEL);
        Result actual = train(backend, ranks, MODEL, SMALL, true);
        for (int step = 0; step < STEPS; step++) {
            assertEquals(expected.losses[step], actual.losses[step], TOLERANCE * expected.losses[step],
                    "loss of step " + (step + 1));
        }
        assertTrue(expected.losses[STEPS - 1] < expected.losses[0], "it learns");
        double largest = Arrays.stream(expected.parameters).map(Math::abs).max().orElseThrow();
        assertArrayEquals(expected.parameters, actual.parameters, TOLERANCE * largest);
    }

    @ParameterizedTest
    @MethodSource("backendsAndRanks")
    void shouldTrainToTheSameBitsWithAndWithoutOverlap(Backend backend, int ranks) {
        Result overlapped = train(backend, ranks, RELU_MODEL, SMALL, true);
        Result sequential = train(backend, ranks, RELU_MODEL, SMALL, false);
        assertArrayEquals(sequential.losses, overlapped.losses);
        assertArrayEquals(sequential.parameters, overlapped.parameters);
    }

    /** On the reference: elsewhere a product in pieces rounds otherwise than at once. */
    @Test
    void shouldTrainToTheSameBitsWhateverTheChunksAndBuckets() {
        Result expected = train(Backend.REFERENCE, 3, RELU_MODEL, Replica.Sizes.UNLIMITED, true);
        for (Replica.Sizes sizes : List.of(SMALL, new Replica.Sizes(1, 1, 1), new Replica.Sizes(1 << 20, 1 << 20, 100),
                new Replica.Sizes(1, 1 << 20, 1 << 20))) {
            Result actual = train(Backend.REFERENCE, 3, RELU_MODEL, sizes, true);
            assertArrayEquals(expected.losses, actual.losses, sizes::toString);
            assertArrayEquals(expected.parameters, actual.parameters, sizes::toString);
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveEveryRankTheParametersOfRankZero(Backend backend) {
        double[][] before = new double[3][];
        double[][] after = new double[3][];
        RankThreads.run(3, LIMIT, communicator -> {
            try (Device device = backend.maker.get()) {
                Replica replica = new Replica(device, communicator, MODEL, IN, SGD, SMALL, true, 2);
                MODEL.initialize(new Mt19937(communicator.rank()), replica.arena::parameter);
                before[communicator.rank()] = replica.parameters();
                replica.ddp.broadcastParameters(device.computeStream());
                after[communicator.rank()] = replica.parameters();
            }
        });
        assertFalse(Arrays.equals(before[0], before[1]) || Arrays.equals(before[0], before[2]));
        for (double[] parameters : after) {
            assertArrayEquals(before[0], parameters);
        }
    }

    @Test
    void shouldOverlapOnlyWhereThereIsSomethingToOverlapWith() {
        for (int ranks = 1; ranks <= 2; ranks++) {
            int size = ranks;
            RankThreads.run(ranks, LIMIT, communicator -> {
                Device device = new ReferenceDevice();
                Replica many = new Replica(device, communicator, MODEL, IN, SGD, SMALL, true, 1);
                assertEquals(size > 1, many.ddp.overlaps());
                Replica single = new Replica(device, communicator, MODEL, IN, SGD, Replica.Sizes.UNLIMITED, true, 1);
                assertEquals(1, single.plan.chunks().size());
                assertFalse(single.ddp.overlaps());
                assertFalse(new Replica(device, communicator, MODEL, IN, SGD, SMALL, false, 1).ddp.overlaps());
            });
        }
    }

    private static Result trainAlone(Backend backend, Sequential model) {
        try (Device device = backend.maker.get(); Communicator communicator = new SingleRank()) {
            Replica replica = new Replica(device, communicator, model, IN, SGD, Replica.Sizes.UNLIMITED, true,
                    GLOBAL_BATCH);
            return new Result(train(replica), replica.parameters());
        }
    }

    /** The result of all ranks, whose parameters are the same. */
    private static Result train(Backend backend, int ranks, Sequential model, Replica.Sizes sizes, boolean overlap) {
        double[][] losses = new double[ranks][];
        double[][] parameters = new double[ranks][];
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = backend.maker.get()) {
                Replica replica = new Replica(device, communicator, model, IN, SGD, sizes, overlap,
                        GLOBAL_BATCH / ranks);
                if (sizes == SMALL) {
                    assertTrue(replica.plan.buckets().size() >= 2 && replica.plan.chunks().size() > 20,
                            replica.plan::toString);
                }
                losses[communicator.rank()] = train(replica);
                parameters[communicator.rank()] = replica.parameters();
                assertGapsAreZero(replica);
            }
        });
        for (double[] others : parameters) {
            assertArrayEquals(parameters[0], others);
        }
        return new Result(IntStream.range(0, STEPS)
                .mapToDouble(step -> Arrays.stream(losses).mapToDouble(rank -> rank[step]).average().orElseThrow())
                .toArray(), parameters[0]);
    }

    /** This rank's losses over {@link #STEPS} steps, the same global batches whatever the number of ranks. */
    private static double[] train(Replica replica) {
        Random random = new Random(20);
        double[] losses = new double[STEPS];
        for (int step = 0; step < STEPS; step++) {
            double[] features = random.doubles(GLOBAL_BATCH * IN, -1, 1).toArray();
            int[] labels = new int[GLOBAL_BATCH];
            // Learnable: the class is the largest of the first features.
            Arrays.setAll(labels, sample -> IntStream.range(0, CLASSES).boxed()
                    .max((a, b) -> Double.compare(features[sample * IN + a], features[sample * IN + b])).orElseThrow());
            replica.load(0, features, labels);
            losses[step] = replica.step(0);
        }
        return losses;
    }

    private static void assertGapsAreZero(Replica replica) {
        double[] values = replica.parameters();
        for (Parameter parameter : replica.arena.backwardOrder()) {
            int first = (int) parameter.firstElement();
            double[] own = Buffers.read(parameter.value());
            assertArrayEquals(own, Arrays.copyOfRange(values, first, first + own.length));
            Arrays.fill(values, first, first + own.length, 0);
        }
        assertArrayEquals(new double[values.length], values);
    }
}

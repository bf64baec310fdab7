package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.bench.FaultyCommunicator;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostTransfer;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps of several micro-batches against steps of one large batch. */
class AccumulationTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final double TOLERANCE = 1e-6;
    /** Smooth, as a ReLU within rounding of zero would take one side here and the other there. */
    private static final String MODEL = "model=[{linear: {in: 6, out: 9}}, tanh, {linear: {in: 9, out: 7}}, gelu,"
            + " {linear: {in: 7, out: 3}}]";
    private static final String CHUNKS = "distributed={first-bucket: 60B, bucket: 200B, chunk: 60B}";

    enum Backend {
        REFERENCE(ReferenceDevice::new), CPU(() -> new CpuDevice(1));

        private final Supplier<Device> maker;

        Backend(Supplier<Device> maker) {
            this.maker = maker;
        }
    }

    /** @param losses of the steps */
    private record Result(double[] parameters, double[] losses, long bytesSent) {
    }

    @ParameterizedTest
    @EnumSource
    void shouldTrainAsWithLargeBatches(Backend backend) {
        for (int ranks = 1; ranks <= 3; ranks++) {
            Result expected = train(backend, ranks, "train={epochs: 3, batch-size: 8}");
            for (String train : List.of("{epochs: 3, batch-size: 2, accumulate: 4}",
                    "{epochs: 3, batch-size: 4, accumulate: 2}", "{epochs: 3, global-batch: " + 8 * ranks + ", accumulate: 8}")) {
                Result actual = train(backend, ranks, "train=" + train);
                double largest = Arrays.stream(expected.parameters).map(Math::abs).max().orElseThrow();
                assertArrayEquals(expected.parameters, actual.parameters, TOLERANCE * largest, train);
                assertEquals(expected.losses.length, actual.losses.length);
                for (int i = 0; i < expected.losses.length; i++) {
                    // Of small losses rounding leaves fewer digits: they are differences of logits near 1.
                    assertEquals(expected.losses[i], actual.losses[i], TOLERANCE * Math.max(1, expected.losses[i]), train);
                }
                assertEquals(expected.bytesSent, actual.bytesSent);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void shouldSendAQuarterOfTheBytesWithFourMicroBatches(int ranks) {
        // 48 samples a rank: 24 steps, or 6.
        String samples = "data.train.samples=" + 48 * ranks;
        Result every = train(Backend.CPU, ranks, "train={epochs: 1, batch-size: 2}", samples);
        Result fourth = train(Backend.CPU, ranks, "train={epochs: 1, batch-size: 2, accumulate: 4}", samples);
        assertEquals(24, every.losses.length);
        assertEquals(6, fourth.losses.length);
        assertTrue(fourth.bytesSent > 0);
        assertEquals(every.bytesSent, 4 * fourth.bytesSent);
    }

    private static Result train(Backend backend, int ranks, String... sets) {
        List<Double> losses = new ArrayList<>();
        double[][] parameters = new double[ranks][];
        AtomicLong bytesSent = new AtomicLong();
        RankThreads.run(ranks, LIMIT, communicator -> {
            TrainingListener listener = new TrainingListener() {
                @Override
                public void stepLogged(long step, double loss, double learningRate) {
                    if (communicator.rank() == 0) {
                        losses.add(loss);
                    }
                }
            };
            List<String> all = new ArrayList<>(List.of(MODEL, CHUNKS, "log.every-steps=1"));
            all.addAll(List.of(sets));
            try (Device device = backend.maker.get()) {
                Trainer trainer = SmallJobs.trainer(SmallJobs.job(all), device, counting(communicator, bytesSent), listener);
                for (int epoch = 1; epoch <= SmallJobs.job(all).train().epochs(); epoch++) {
                    trainer.trainEpoch(epoch, Trainer.StepHook.NONE);
                }
                parameters[communicator.rank()] = Buffers.read(trainer.replica().parameters().values());
            }
        });
        for (double[] each : parameters) {
            assertArrayEquals(parameters[0], each);
        }
        return new Result(parameters[0], losses.stream().mapToDouble(Double::doubleValue).toArray(), bytesSent.get());
    }

    /** Adds up the bytes of the gradients' sums. */
    private static Communicator counting(Communicator communicator, AtomicLong bytes) {
        return FaultyCommunicator.of(communicator, (sums, floats, transfer) -> sums.prepareAllReduce("", floats,
                new HostTransfer() {
                    @Override
                    public void fetch() {
                        bytes.addAndGet(floats.capacity());
                        transfer.fetch();
                    }

                    @Override
                    public void store() {
                        transfer.store();
                    }
                }));
    }
}

package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.data.Dataset;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.job.MetricConfig;
import dev.lockstep.testing.RankThreads;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainerTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String ONE_LAYER = "model=[{linear: {in: 6, out: 3}}]";
    private static final double TOLERANCE = 1e-5;
    private static final int WINDOW = 50;

    /** Losses of the logged steps. */
    private static final class Log implements TrainingListener {
        final List<Long> steps = new ArrayList<>();
        final List<Double> losses = new ArrayList<>();

        @Override
        public void stepLogged(long step, double loss, double learningRate) {
            steps.add(step);
            losses.add(loss);
        }
    }

    @ParameterizedTest(name = "{0} samples, {1} ranks, batch {2} x {3}, drop-last {4}")
    @CsvSource({
        "50, 1, 8, 1, false", // the last batch has 2
        "50, 1, 50, 1, false",
        "50, 3, 8, 1, false", // one sample is repeated: 17 a rank, the last batch of 1
        "50, 3, 8, 1, true", // two are dropped: 16 a rank
        "50, 4, 100, 1, false", // a batch larger than a rank's 13
        "5, 4, 2, 1, false",
        "3, 3, 2, 1, true",
        "50, 1, 8, 2, false", // the last step has 2
        "50, 1, 8, 4, false", // the last step has 18: two batches of 8 and one of 2
        "50, 2, 3, 5, false", // the last step has 10: three of 3 and one of 1
        "50, 3, 4, 3, true", // the last step has one full batch
        "50, 3, 4, 100, false", // more than an epoch
        "50, 2, 30, 3, false",
    })
    void shouldTrainAsADdpScript(int samples, int ranks, int batch, int accumulate, boolean dropLast) {
        Job job = SmallJobs.job(ONE_LAYER, "data.train.samples=" + samples, "train.batch-size=" + batch,
                "train.accumulate=" + accumulate, "train.drop-last=" + dropLast, "log.every-steps=1");
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                Log log = new Log();
                TrainingData.Loaded data = SmallJobs.sources(job, ranks).load(device);
                Trainer trainer = new Trainer("test", job, data, device, communicator, log);
                StepOracle oracle = new StepOracle(job, ranks, data.train(), trainer);
                oracle.train(3);
                int samplesPerRank = dropLast ? samples / ranks : (samples + ranks - 1) / ranks;
                assertEquals((samplesPerRank - 1) / (batch * accumulate) + 1, trainer.stepsPerEpoch());
                for (int epoch = 1; epoch <= 3; epoch++) {
                    EpochMetrics metrics = trainer.trainEpoch(epoch, Trainer.StepHook.NONE);
                    assertEquals(epoch, metrics.epoch());
                    assertEquals((long) epoch * trainer.stepsPerEpoch(), metrics.step());
                    near(oracle.epochLosses.get(epoch - 1), metrics.trainLoss());
                    assertEquals(samplesPerRank * ranks, metrics.samplesPerSecond() * metrics.seconds(), 1e-6);
                }
                assertEquals(oracle.stepLosses.size(), log.losses.size());
                for (int i = 0; i < log.losses.size(); i++) {
                    assertEquals(i + 1, log.steps.get(i));
                    near(oracle.stepLosses.get(i), log.losses.get(i));
                }
            }
        });
    }

    @ParameterizedTest(name = "{0}, {1} ranks")
    @CsvSource(delimiter = '|', value = {
        "train.clip-norm=0.4  | 1", "train.clip-norm=0.4 | 3", "train.clip-value=0.05 | 1", "train.clip-value=0.05 | 3",
        "train={epochs: 2, batch-size: 3, accumulate: 2, clip-norm: 0.4, clip-value: 0.05} | 2",
    })
    void shouldClipAsADdpScript(String set, int ranks) {
        Job job = SmallJobs.job(ONE_LAYER, "train.batch-size=6", "log.every-steps=1",
                "distributed={first-bucket: 60B, bucket: 100B, chunk: 24B}", set);
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                Log log = new Log();
                TrainingData.Loaded data = SmallJobs.sources(job, ranks).load(device);
                Trainer trainer = new Trainer("test", job, data, device, communicator, log);
                StepOracle oracle = new StepOracle(job, ranks, data.train(), trainer);
                oracle.train(3);
                for (int epoch = 1; epoch <= 3; epoch++) {
                    trainer.trainEpoch(epoch, Trainer.StepHook.NONE);
                }
                assertEquals(oracle.stepLosses.size(), log.losses.size());
                for (int i = 0; i < log.losses.size(); i++) {
                    near(oracle.stepLosses.get(i), log.losses.get(i));
                }
                if (job.train().clipNorm().isPresent()) {
                    assertTrue(0 < oracle.clippedSteps && oracle.clippedSteps < log.losses.size(), "some, not all");
                }
                assertEquals(job.train().clipValue().isPresent(), oracle.clippedElements > 0);
            }
        });
    }

    /** The whole loop around a step, hooks and listener included; the least of many steps, see SteadyStateTest. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"1 | seed=0", "3 | seed=0",
        "1 | model=[batch-norm, {linear: {in: 6, out: 5}}, sync-batch-norm, relu, {dropout: 0.3}, {residual: [layer-norm,"
                + " {linear: {in: 5, out: 5}}, {dropout: 0.1}]}, {linear: {in: 5, out: 3}}]"})
    void shouldAllocateNothingOnTheJavaHeapFromStepToStep(int accumulate, String set) {
        Job job = SmallJobs.job("data.train.samples=" + 8000 * accumulate, "train.accumulate=" + accumulate,
                "log.every-steps=0", set);
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                Trainer trainer = SmallJobs.trainer(job, device, communicator, new TrainingListener() { });
                trainer.trainEpoch(1, Trainer.StepHook.NONE);
                long[] bytes = new long[2 * trainer.stepsPerEpoch() + 1];
                trainer.trainEpoch(2, (epoch, step) -> bytes[(int) step] = threads.getCurrentThreadAllocatedBytes());
                long fewest = Long.MAX_VALUE;
                for (int step = trainer.stepsPerEpoch() + WINDOW; step < bytes.length; step += WINDOW) {
                    fewest = Math.min(fewest, bytes[step] - bytes[step - WINDOW]);
                }
                assertEquals(0, fewest, "bytes in " + WINDOW + " steps");
            }
        });
    }

    @ParameterizedTest(name = "{0} test samples, {1} ranks, batch {2}")
    @CsvSource({"50, 1, 8", "50, 3, 8", "50, 4, 100", "7, 2, 3", "2, 4, 8", "1, 3, 1"})
    void shouldCountEachTestSampleOnce(int samples, int ranks, int batch) {
        Job job = SmallJobs.job(ONE_LAYER, "train.batch-size=" + batch, "data.test={format: synthetic, samples: "
                + samples + ", features: 6, classes: 3, seed: 4}");
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                TrainingData.Loaded data = SmallJobs.sources(job, ranks).load(device);
                Trainer trainer = new Trainer("test", job, data, device, communicator, new TrainingListener() { });
                trainer.trainEpoch(1, Trainer.StepHook.NONE);
                Dataset test = data.test().orElseThrow();
                Evaluation expected = new StepOracle(job, ranks, data.train(), trainer).evaluate(test);
                Evaluation actual = trainer.evaluate().orElseThrow();
                near(expected.loss(), actual.loss());
                MetricConfig accuracy = new MetricConfig.Accuracy();
                assertEquals(expected.metrics().get(accuracy), actual.metrics().get(accuracy), 1e-12);
                assertEquals(samples, actual.samples());
                assertEquals(actual, trainer.evaluate().orElseThrow());
            }
        });
    }

    @Test
    void shouldEvaluateNothingWithoutTestData() {
        alone(SmallJobs.job(), new Log(), trainer -> assertEquals(Optional.empty(), trainer.evaluate()));
    }

    @Test
    void shouldLogEverySoManySteps() {
        Log log = new Log();
        alone(SmallJobs.job("log.every-steps=5"), log, trainer -> {
            assertEquals(7, trainer.stepsPerEpoch());
            trainer.trainEpoch(1, Trainer.StepHook.NONE);
            trainer.trainEpoch(2, Trainer.StepHook.NONE);
        });
        assertEquals(List.of(5L, 10L), log.steps);
        Log silent = new Log();
        alone(SmallJobs.job(), silent, trainer -> trainer.trainEpoch(1, Trainer.StepHook.NONE));
        assertEquals(List.of(), silent.steps);
    }

    /** Bit for bit; the hash is of the parameters in the order of PyTorch's state_dict. */
    @Test
    void shouldStartWithPyTorchsInitialWeights() {
        for (JsonNode golden : Golden.cases("training/training")) {
            List<String> sets = new ArrayList<>(
                    List.of("data.train={format: synthetic, samples: 9, features: 784, classes: 10}"));
            golden.get("settings").forEach(set -> sets.add(set.asText()));
            sets.removeIf(set -> set.startsWith("data.train={format: idx"));
            String hash = golden.get("initial_weights").get("sha256").asText();
            alone(SmallJobs.job(sets), new Log(),
                    trainer -> assertEquals(hash, ParameterHash.of(trainer.replica().parameters(), 0), golden.get("name")::asText));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "3, 1", "2, 3"})
    void shouldStopWhereTheLossIsNotFinite(int ranks, int accumulate) {
        Job job = SmallJobs.job("optimizer.sgd.lr=1e30", "train.accumulate=" + accumulate, "train.batch-size=4");
        AssertionError error = assertThrows(AssertionError.class, () -> RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                SmallJobs.trainer(job, device, communicator, new Log()).trainEpoch(1, Trainer.StepHook.NONE);
            }
        }));
        assertEquals(TrainingException.class, error.getCause().getClass(), error::toString);
        String message = error.getCause().getMessage();
        assertTrue(message.matches("rank [0-2], epoch 1, step [23]: the loss is NaN or infinite: training has diverged;"
                + " lower optimizer.sgd.lr or .*"), message);
    }

    @Test
    void shouldNameOnEveryRankTheOneThatHasAnotherJob() {
        disagree("job", "seed=0", "seed=1");
        disagree("job", "seed=0", "optimizer.sgd.lr=0.01");
        disagree("job", "seed=0", "distributed.chunk=8");
    }

    @Test
    void shouldNameOnEveryRankTheOneThatHasOtherData() {
        RankThreads.run(3, LIMIT, communicator -> {
            boolean other = communicator.rank() == 2;
            Job job = SmallJobs.job("data.train.samples=50");
            Job data = SmallJobs.job("data.train.samples=" + (other ? 51 : 50));
            try (Device device = new ReferenceDevice()) {
                TrainingData.Loaded loaded = SmallJobs.sources(data, 3).load(device);
                InvalidInputException e = assertThrows(InvalidInputException.class,
                        () -> new Trainer("test", job, loaded, device, communicator, new Log()));
                assertTrue(e.getMessage().startsWith("rank 2 starts with another training data than rank 0; "), e::toString);
            }
        });
    }

    private static void disagree(String part, String rank0, String rank1) {
        RankThreads.run(2, LIMIT, communicator -> {
            Job job = SmallJobs.job(communicator.rank() == 0 ? rank0 : rank1);
            try (Device device = new ReferenceDevice()) {
                InvalidInputException e = assertThrows(InvalidInputException.class,
                        () -> SmallJobs.trainer(job, device, communicator, new Log()));
                assertTrue(e.getMessage().startsWith("rank 1 starts with another " + part + " than rank 0; "), e::toString);
            }
        });
    }

    @Test
    void shouldGiveEveryRankTheSameParametersWhateverIsSentAtOnce() {
        List<String> hashes = Stream.of("distributed.overlap=false", "distributed.chunk=32",
                "distributed={first-bucket: 64, bucket: 64, chunk: 64}").map(TrainerTest::hashOfTwoRanks).toList();
        assertEquals(hashes.get(0), hashes.get(1));
        assertEquals(hashes.get(0), hashes.get(2));
    }

    /** The norm comes of the chunks' sums in their order, whether they are reduced beside backward or after it. */
    @Test
    void shouldClipToTheSameBitsWithAndWithoutOverlap() {
        String clipping = "train={epochs: 1, batch-size: 8, clip-norm: 0.1}";
        String chunks = "distributed={first-bucket: 64, bucket: 64, chunk: 64, overlap: ";
        String overlapping = hashOfTwoRanks(clipping, chunks + "true}");
        assertEquals(overlapping, hashOfTwoRanks(clipping, chunks + "false}"));
        assertNotEquals(overlapping, hashOfTwoRanks(chunks + "true}"));
    }

    private static String hashOfTwoRanks(String... set) {
        List<String> hashes = new ArrayList<>();
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                Trainer trainer = SmallJobs.trainer(SmallJobs.job(set), device, communicator, new Log());
                trainer.trainEpoch(1, Trainer.StepHook.NONE);
                String hash = ParameterHash.agreed(trainer.replica().parameters(), communicator, trainer.step());
                if (communicator.rank() == 0) {
                    hashes.add(hash);
                }
            }
        });
        return hashes.get(0);
    }

    @Test
    void shouldTakeTheMiddleRateWithoutTheFirstEpoch() {
        assertEquals(7, TrainingRun.typicalRate(epochs(7)));
        assertEquals(5, TrainingRun.typicalRate(epochs(100, 5)));
        assertEquals(6, TrainingRun.typicalRate(epochs(100, 7, 5)));
        assertEquals(7, TrainingRun.typicalRate(epochs(100, 9, 7, 5)));
    }

    private static List<EpochMetrics> epochs(double... rates) {
        List<EpochMetrics> epochs = new ArrayList<>();
        for (double rate : rates) {
            epochs.add(new EpochMetrics(epochs.size() + 1, 1, 1, 1, Optional.empty(), rate, 1, Optional.empty()));
        }
        return epochs;
    }

    private interface TrainerBody {
        void run(Trainer trainer);
    }

    private static void alone(Job job, TrainingListener listener, TrainerBody body) {
        try (Device device = new ReferenceDevice(); Communicator communicator = new SingleRank()) {
            body.run(SmallJobs.trainer(job, device, communicator, listener));
        }
    }

    private static void near(double expected, double actual) {
        assertEquals(expected, actual, TOLERANCE * Math.max(1e-2, Math.abs(expected)));
    }
}

package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.data.Dataset;
import dev.lockstep.data.DeferredDevice;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.job.LossConfig;
import dev.lockstep.job.MetricConfig;
import dev.lockstep.nn.Sequential;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.testing.RankThreads;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Metrics and predictions of a linear layer, beside those found sample by sample in doubles. */
class EvaluatorTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int FEATURES = 6;

    @TempDir
    private Path folder;

    private enum Backend {
        REFERENCE(ReferenceDevice::new), CPU(() -> new CpuDevice(1)), DEFERRED(DeferredDevice::new);

        private final Supplier<Device> maker;

        Backend(Supplier<Device> maker) {
            this.maker = maker;
        }
    }

    /** A rank's device, data and model with initial weights. */
    private record Rank(Device device, Dataset data, ParameterArena arena, Evaluator evaluator) implements AutoCloseable {
        @Override
        public void close() {
            device.close();
        }

        static Rank of(Backend backend, Communicator communicator, Job job, int batch) {
            Device device = backend.maker.get();
            Dataset data = SmallJobs.sources(job, 1).load(device).train();
            Sequential model = Models.build(job.model(), FEATURES);
            ParameterArena arena = new ParameterArena(device, model.parameterShapes(), false);
            model.initialize(new Mt19937(job.seed()), arena::parameter);
            return new Rank(device, data, arena, new Evaluator(device, communicator, job, model, arena,
                    new ModelBuffers(device, model.bufferShapes()), data, batch));
        }

        /** [samples, outputs]. */
        double[][] outputs() {
            double[] x = Buffers.read(data.features().data());
            double[] weight = Buffers.read(arena.parameter("0.weight").value());
            double[] bias = Buffers.read(arena.parameter("0.bias").value());
            double[][] outputs = new double[data.samples()][bias.length];
            for (int i = 0; i < outputs.length; i++) {
                for (int k = 0; k < bias.length; k++) {
                    outputs[i][k] = bias[k];
                    for (int j = 0; j < FEATURES; j++) {
                        outputs[i][k] += weight[k * FEATURES + j] * x[i * FEATURES + j];
                    }
                }
            }
            return outputs;
        }
    }

    private static Job classes(int samples, int classes, String metrics) {
        return SmallJobs.job("model=[{linear: {in: 6, out: " + classes + "}}]", "metrics=" + metrics,
                "data.train={format: synthetic, samples: " + samples + ", features: 6, classes: " + classes + ", seed: 4}");
    }

    private static Job values(int samples, int outputs, String metrics) {
        return SmallJobs.job("model=[{linear: {in: 6, out: " + outputs + "}}]", "loss=mse", "metrics=" + metrics,
                "data.train={format: synthetic, samples: " + samples + ", features: 6, outputs: " + outputs + ", seed: 4}");
    }

    @ParameterizedTest(name = "{0}, {1} samples, {2} ranks, batch {3}")
    @CsvSource({"REFERENCE, 50, 1, 8", "CPU, 50, 3, 8", "DEFERRED, 50, 4, 100", "CPU, 7, 2, 3", "DEFERRED, 2, 4, 8",
        "CPU, 9, 4, 2"})
    void shouldCountEachSampleOnceInEveryMetric(Backend backend, int samples, int ranks, int batch) {
        Job job = classes(samples, 4, "[confusion-matrix, {top-k: 2}, accuracy, {top-k: 1}, {top-k: 4}]");
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Rank rank = Rank.of(backend, communicator, job, batch)) {
                double[][] outputs = rank.outputs();
                double[] labels = Buffers.read(rank.data.targets().data());
                long[][] counts = new long[4][4];
                int amongTwo = 0;
                int correct = 0;
                for (int i = 0; i < samples; i++) {
                    double[] logits = outputs[i];
                    List<Integer> order = IntStream.range(0, 4).boxed()
                            .sorted(Comparator.comparingDouble((Integer k) -> logits[k]).reversed()).toList();
                    counts[(int) labels[i]][order.get(0)]++;
                    correct += order.get(0) == (int) labels[i] ? 1 : 0;
                    amongTwo += order.subList(0, 2).contains((int) labels[i]) ? 1 : 0;
                }
                for (int round = 0; round < 2; round++) {
                    Evaluation evaluation = rank.evaluator.evaluate();
                    assertEquals(samples, evaluation.samples());
                    assertArrayEquals(counts, evaluation.confusionMatrix().orElseThrow());
                    assertEquals(List.of(new MetricConfig.TopK(2), new MetricConfig.Accuracy(), new MetricConfig.TopK(1),
                            new MetricConfig.TopK(4)), List.copyOf(evaluation.metrics().keySet()));
                    assertEquals(List.of((double) amongTwo / samples, (double) correct / samples,
                            (double) correct / samples, 1.0), List.copyOf(evaluation.metrics().values()));
                }
            }
        });
    }

    @ParameterizedTest(name = "{0}, {1} samples, {2} ranks, batch {3}")
    @CsvSource({"REFERENCE, 50, 1, 8", "CPU, 50, 3, 8", "DEFERRED, 50, 4, 100", "CPU, 2, 4, 8"})
    void shouldMeasureErrorsOverSamplesAndOutputs(Backend backend, int samples, int ranks, int batch) {
        Job job = values(samples, 3, "[mae, rmse]");
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Rank rank = Rank.of(backend, communicator, job, batch)) {
                double[] targets = Buffers.read(rank.data.targets().data());
                double[] outputs = Arrays.stream(rank.outputs()).flatMapToDouble(Arrays::stream).toArray();
                double absolute = 0;
                double squared = 0;
                for (int i = 0; i < outputs.length; i++) {
                    absolute += Math.abs(outputs[i] - targets[i]) / outputs.length;
                    squared += (outputs[i] - targets[i]) * (outputs[i] - targets[i]) / outputs.length;
                }
                Map<String, Double> result = rank.evaluator.evaluate().toMap("test_");
                assertEquals(List.of("test_loss", "test_mae", "test_rmse"), List.copyOf(result.keySet()));
                assertEquals(squared, result.get("test_loss"), 1e-6 * squared);
                assertEquals(absolute, result.get("test_mae"), 1e-6 * absolute);
                assertEquals(Math.sqrt(squared), result.get("test_rmse"), 1e-6);
            }
        });
    }

    /** So many outputs that a batch is read in parts. */
    @Test
    void shouldSeeABatchInPartsOfBoundedSize() {
        int classes = 100_000;
        Job job = classes(9, classes, "[accuracy, {top-k: 1}]");
        RankThreads.run(2, LIMIT, communicator -> {
            try (Rank rank = Rank.of(Backend.CPU, communicator, job, 5)) {
                List<Integer> seen = new ArrayList<>();
                List<Integer> sizes = new ArrayList<>();
                rank.evaluator.evaluate((samples, first) -> {
                    sizes.add(samples.size());
                    for (int sample = 0; sample < samples.size(); sample++) {
                        int index = rank.evaluator.index(first + sample);
                        seen.add(index);
                        assertEquals(Buffers.read(rank.data.targets().data())[index], samples.label(sample));
                    }
                });
                boolean even = communicator.rank() == 0;
                assertEquals(even ? List.of(0, 2, 4, 6, 8) : List.of(1, 3, 5, 7), seen);
                assertEquals(even ? List.of(2, 2, 1) : List.of(2, 2, 0), sizes);
                Map<MetricConfig, Double> metrics = rank.evaluator.evaluate().metrics();
                assertEquals(metrics.get(new MetricConfig.Accuracy()), metrics.get(new MetricConfig.TopK(1)));
            }
        });
    }

    @ParameterizedTest(name = "{0} samples, {1} ranks, batch {2}")
    @CsvSource({"50, 1, 8", "50, 3, 8", "2, 4, 8", "9, 4, 2"})
    void shouldWriteClassesInTheOrderOfTheData(int samples, int ranks, int batch) throws Exception {
        List<String> lines = predictions(classes(samples, 3, "[]"), ranks, batch);
        assertEquals("index,target,prediction,probability_0,probability_1,probability_2", lines.get(0));
        Rank rank = alone(classes(samples, 3, "[]"));
        double[][] outputs = rank.outputs();
        double[] labels = Buffers.read(rank.data.targets().data());
        assertEquals(samples, lines.size() - 1);
        for (int i = 0; i < samples; i++) {
            double[] row = numbers(lines.get(i + 1));
            double[] logits = outputs[i];
            double sum = Arrays.stream(logits).map(Math::exp).sum();
            int largest = IntStream.range(0, 3).boxed().max(Comparator.comparingDouble(k -> logits[k])).orElseThrow();
            double[] expected = {i, labels[i], largest, Math.exp(logits[0]) / sum, Math.exp(logits[1]) / sum,
                Math.exp(logits[2]) / sum};
            assertArrayEquals(expected, row, 1e-6, lines.get(i + 1));
        }
    }

    @Test
    void shouldWriteTargetsAndOutputsThatAreNumbers() throws Exception {
        for (int outputs : new int[] {1, 2}) {
            Job job = values(10, outputs, "[]");
            List<String> lines = predictions(job, 3, 2);
            assertEquals(outputs == 1 ? "index,target,prediction" : "index,target_0,target_1,prediction_0,prediction_1",
                    lines.get(0));
            Rank rank = alone(job);
            double[] targets = Buffers.read(rank.data.targets().data());
            double[][] expected = rank.outputs();
            assertEquals(10, lines.size() - 1);
            for (int i = 0; i < 10; i++) {
                double[] row = numbers(lines.get(i + 1));
                assertEquals(i, row[0]);
                for (int k = 0; k < outputs; k++) {
                    assertEquals((float) targets[i * outputs + k], (float) row[1 + k]);
                    assertEquals(expected[i][k], row[1 + outputs + k], 1e-6);
                }
            }
        }
    }

    private static Rank alone(Job job) {
        return Rank.of(Backend.REFERENCE, new SingleRank(), job, 1);
    }

    private List<String> predictions(Job job, int ranks, int batch) throws Exception {
        Path csv = folder.resolve("out.csv");
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Rank rank = Rank.of(Backend.CPU, communicator, job, batch)) {
                Optional<PredictionsFile> file = communicator.rank() == 0 ? Optional.of(new PredictionsFile(csv))
                        : Optional.empty();
                rank.evaluator.evaluate(new Predictions(communicator, rank.evaluator, file, job.loss()
                        instanceof LossConfig.CrossEntropy, rank.outputs()[0].length));
                file.ifPresent(PredictionsFile::finish);
            }
        });
        assertEquals(List.of(csv), Files.list(folder).toList());
        assertTrue(Files.readString(csv).endsWith("\n"));
        return Files.readAllLines(csv);
    }

    private static double[] numbers(String line) {
        return Arrays.stream(line.split(",")).mapToDouble(Double::parseDouble).toArray();
    }
}

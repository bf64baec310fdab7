package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.IdxFiles;
import dev.lockstep.data.Targets;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobChecksTest {
    private static final String TEST_DATA = "data.test={format: synthetic, samples: 9, features: 6, classes: 3, seed: 1}";

    @TempDir
    private Path folder;

    @Test
    void shouldLoadWhatFits() {
        Job job = idxJob(new byte[] {0, 2, 1, 2, 0}, TEST_DATA);
        try (Device device = new ReferenceDevice()) {
            TrainingData.Loaded data = SmallJobs.sources(job, 5).load(device);
            assertEquals(5, data.train().samples());
            assertEquals(9, data.test().orElseThrow().samples());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"train", "test"})
    void shouldRefuseDataThatTheFirstLayerDoesNotTake(String split) {
        refused(() -> check(SmallJobs.job(TEST_DATA, "data." + split + ".features=7")),
                "data." + split + ": synthetic data, ",
                " has 7 features a sample, but the model's first linear layer takes 6; set its in to 7");
    }

    @Test
    void shouldRefuseImagesThatTheFirstLayerDoesNotTake() {
        Job job = idxJob(new byte[5], "model=[{linear: {in: 8, out: 3}}]");
        refused(() -> check(job), "data.train: " + folder.resolve("images") + " has 6 features");
    }

    /** The labels are known only once they are read. */
    @Test
    void shouldRefuseALabelThatTheModelHasNoOutputFor() {
        TrainingData sources = SmallJobs.sources(idxJob(new byte[] {0, 2, 3, 1, 3}), 2);
        try (Device device = new ReferenceDevice()) {
            refused(() -> sources.load(device), "data.train: sample 2 of " + folder.resolve("images")
                    + " has label 3, but the model has 3 outputs (0 to 2); set the last linear layer's out to at least 4");
        }
        TrainingData synthetic = SmallJobs.sources(SmallJobs.job(TEST_DATA, "data.test.classes=40"), 2);
        try (Device device = new ReferenceDevice()) {
            refused(() -> synthetic.load(device), "data.test: sample ");
        }
    }

    @Test
    void shouldCountTheOutputsOfTheLastLinearLayer() {
        Job job = idxJob(new byte[] {0, 2, 1, 2, 0}, "model=[{linear: {in: 6, out: 3}}, tanh]");
        try (Device device = new ReferenceDevice()) {
            assertEquals(2, ((Targets.Labels) SmallJobs.sources(job, 1).load(device).train().targets()).largest());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "loss=mse|data.train: the targets of synthetic data, 50 x 6 in 3 classes, seed 0 are labels of classes, and loss"
                + " mse needs numbers; set loss to cross-entropy, or use data with numbers to predict",
        "data.train={format: synthetic, samples: 9, features: 6, outputs: 3}|data.train: the targets of synthetic data, 9 x 6"
                + " with 3 outputs, seed 0 are numbers, and loss cross-entropy needs labels of classes; set loss to mse, or"
                + " use data with labels",
        "data.test={format: synthetic, samples: 9, features: 6, outputs: 3}|data.test: the targets of synthetic data",
        "metrics=[{top-k: 3}, {top-k: 4}]|metrics: top-k: 4 of a model with 3 outputs; k can be at most 3",
    })
    void shouldRefuseALossOrMetricsThatDoNotGoWithTheData(String set, String message) {
        refused(() -> check(SmallJobs.job(set)), message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "optimizer.sgd.lr=2e38 | schedule.scale-lr=linear | optimizer.sgd.lr: the largest rate of the training is 4.0E38,"
                + " above the 3.4028235E38 that a float can hold; lower optimizer.sgd.lr",
        "optimizer.groups=[{parameters: biases, lr: 3e38}] | schedule={warmup-steps: 5, scale-lr: linear}"
                + " | optimizer.groups.0.lr: the largest rate of the training is 6.0E38, above",
        "schedule={step: {every-steps: 1, gamma: 1e6}} | seed=0 | schedule.step.gamma: the largest rate of the training"
                + " is ",
        "schedule={step: {every-steps: 1, gamma: 1e30}} | train.epochs=8 | schedule.step.gamma: the largest rate of"
                + " the training is Infinity, above the 3.4028235E38 that a float can hold; lower schedule.step.gamma",
        "schedule={step: {every-steps: 1, gamma: 2}} | optimizer.groups=[{parameters: biases, lr: 3e38}]"
                + " | schedule.step.gamma: the largest rate of the training is 3.84E40, above",
        "schedule={scale-lr: linear, step: {every-steps: 1, gamma: 2}} | optimizer.sgd.lr=3e38 | optimizer.sgd.lr: the"
                + " largest rate of the training is 7.68E40, above",
        "optimizer.adam.lr=1e38 | seed=0 | optimizer.adam.lr: the largest rate of the training is 1.0E38, and Adam's first"
                + " step divides it by 1 - 0.9 to 1.0",
        "optimizer.adamw={lr: 1e30, weight-decay: 1e9} | seed=0 | optimizer.adamw.lr: the largest rate of the training is"
                + " 1.0E30, times the weight-decay of 1.0E9 it is 1.0",
    })
    void shouldRefuseRatesThatTrainingMakesLargerThanAFloat(String set, String other, String message) {
        refused(() -> SmallJobs.sources(SmallJobs.job(set, other), 2), message);
    }

    @Test
    void shouldRefuseADecayThatMakesARateOfZeroNoNumber() {
        String decay = "schedule={step: {every-steps: 1, gamma: 1e30}}";
        SmallJobs.sources(SmallJobs.job("optimizer.sgd.lr=0", decay), 2);
        refused(() -> SmallJobs.sources(SmallJobs.job("optimizer.sgd.lr=0", decay, "train.epochs=8"), 2),
                "schedule.step.gamma: it raises optimizer.sgd.lr, which is 0, to 0 times Infinity; lower"
                        + " schedule.step.gamma");
    }

    @Test
    void shouldTakeRatesThatAFloatHoldsToTheLastStep() {
        SmallJobs.sources(SmallJobs.job("optimizer.sgd.lr=1.7e38", "schedule.scale-lr=linear"), 2);
        SmallJobs.sources(SmallJobs.job("schedule={step: {every-epochs: 1, gamma: 1e38}}"), 2);
        SmallJobs.sources(SmallJobs.job("schedule={warmup-steps: 1000, step: {every-steps: 1, gamma: 1e-37}}"), 2);
    }

    @Test
    void shouldRefuseAnotherNumberOfOutputsThanTheDataHaveTargets() {
        String data = "data.train={format: synthetic, samples: 9, features: 6, outputs: 2}";
        refused(() -> check(SmallJobs.job("loss=mse", data)), "data.train: synthetic data, 9 x 6 with 2 outputs, seed 0 has"
                + " 2 numbers to predict for each sample, but the model has 3 outputs; set the last linear layer's out to 2");
        check(SmallJobs.job("loss=mse", data, "model=[{linear: {in: 6, out: 2}}]", "metrics=[mae]"));
    }

    @Test
    void shouldRefuseAConfusionMatrixOfTooManyClasses() {
        check(SmallJobs.job("metrics=[confusion-matrix]", "model=[{linear: {in: 6, out: 1000}}]"));
        refused(() -> check(SmallJobs.job("metrics=[confusion-matrix]", "model=[{linear: {in: 6, out: 1001}}]")),
                "metrics: a confusion-matrix of 1001 classes; it is kept for at most 1000; leave it out");
    }

    @Test
    void shouldHoldLossAndMetricsAgainstTheDataOfAnEvaluation() {
        MemoryBudget budget = MemoryBudget.ofHost(1, SmallJobs.PLENTY_BYTES);
        refused(() -> JobChecks.checkEvaluation(SmallJobs.job("loss=mse"), "data.train", Optional.empty(), 1, budget),
                "data.train: the targets");
        refused(() -> JobChecks.checkEvaluation(SmallJobs.job("metrics=[{top-k: 9}]"), "data.train", Optional.empty(), 1, budget),
                "metrics: top-k: 9 of a model");
    }

    @Test
    void shouldRefuseBatchesOfOneSampleWhereABatchNormTrains() {
        String normed = "model=[{linear: {in: 6, out: 5}}, {residual: [batch-norm]}, {linear: {in: 5, out: 3}}]";
        SmallJobs.sources(SmallJobs.job(normed), 1);
        // 25 samples on each of two ranks, in batches of 8: the last has one.
        refused(() -> SmallJobs.sources(SmallJobs.job(normed), 2), "train.batch-size: a batch of 1 on each of 2 ranks,"
                + " perhaps the last of an epoch, has fewer samples than the 2 that the model's batch-norm needs; choose another");
        refused(() -> SmallJobs.sources(SmallJobs.job(normed, "train.batch-size=1"), 1), "a batch of 1 on each of 1 rank, ");
        SmallJobs.sources(SmallJobs.job(normed, "train.batch-size=5"), 2);
        String sync = normed.replace("batch-norm", "sync-batch-norm");
        SmallJobs.sources(SmallJobs.job(sync), 2);
        refused(() -> SmallJobs.sources(SmallJobs.job(sync, "train.batch-size=7"), 1), "a batch of 1 on each of 1 rank, ");
    }

    @Test
    void shouldBuildTheLayersInFrontOfTheFirstLinearOneForTheDatasFeatures() {
        String first = "model=[batch-norm, {dropout: 0.1}, {residual: [layer-norm]}, {linear: {in: 6, out: 3}}]";
        SmallJobs.sources(SmallJobs.job(first), 1);
        refused(() -> check(SmallJobs.job(first, "data.train.features=7")), "data.train: synthetic data, ",
                " has 7 features a sample, but the model's first linear layer takes 6; set its in to 7");
    }

    @Test
    void shouldRefuseABlockThatDoesNotLeaveWhatTheDataHas() {
        refused(() -> check(SmallJobs.job("model=[{residual: [{linear: {in: 6, out: 3}}]}]")), "--set model=[{residual: [",
                "model: layer 0 (residual) takes 6 inputs but its layers give 3; make the last linear layer in it give 6");
    }

    @Test
    void shouldRefuseFewerSamplesThanRanks() {
        Job job = idxJob(new byte[5]);
        SmallJobs.sources(job, 5);
        refused(() -> SmallJobs.sources(job, 6), "data.train: " + folder.resolve("images")
                + " holds 5 samples, fewer than the 6 ranks; run fewer ranks or use more data");
        assertEquals(9, SmallJobs.sources(SmallJobs.job(TEST_DATA), 50).test().orElseThrow().info().samples());
    }

    @Test
    void shouldRefuseWhatDoesNotFitInMemoryToTheByte() {
        Job job = SmallJobs.job();
        BigInteger needed = SmallJobs.memory(job, 3).total().multiply(BigInteger.valueOf(2))
                .add(MemoryEstimate.checkpointBytes(job, 6));
        JobChecks.check(job, 3, MemoryBudget.ofHost(2, needed.longValueExact()), SmallJobs.PLENTY_BYTES);
        MemoryBudget tooSmall = MemoryBudget.ofHost(2, needed.longValueExact() - 1);
        refused(() -> JobChecks.check(job, 3, tooSmall, SmallJobs.PLENTY_BYTES),
                "not enough memory: the job needs 0.20 GiB (parameters 0.00 GiB, activations 0.00 GiB, data 0.00 GiB) on"
                        + " each of 2 ranks of this machine, 0.39 GiB in all with the copy that checkpoints are written from, and"
                        + " 0.39 GiB are available; make ");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "model=[{linear: {in: 6, out: 2147483647}}, relu, {linear: {in: 2147483647, out: 2147483647}}]|parameters 515",
        "model=[{linear: {in: 6, out: 2147483647}}]|parameters 168.00 GiB",
        "data.train.samples=2147483647|data 56.00 GiB",
    })
    void shouldRefuseAbsurdSizes(String set, String named) {
        for (String more : List.of("seed=0", "train.batch-size=2147483647", "distributed.overlap=false")) {
            MemoryBudget budget = MemoryBudget.ofHost(1, 20L << 30);
            refused(() -> JobChecks.check(SmallJobs.job(set, more), 1, budget, SmallJobs.PLENTY_BYTES),
                    "not enough memory", named, " and 20.00 GiB are available");
        }
    }

    @Test
    void shouldNotOverflowWhereEverySizeIsTheLargest() {
        int most = Integer.MAX_VALUE;
        List<String> sets = new ArrayList<>();
        for (String split : List.of("train", "test")) {
            sets.add("data." + split + "={format: synthetic, samples: " + most + ", features: " + most + ", classes: "
                    + most + "}");
        }
        String layer = "{linear: {in: " + most + ", out: " + most + "}}";
        sets.add("model=[" + String.join(", ", List.of(layer, "gelu", layer, "gelu", layer)) + "]");
        sets.add("train.batch-size=" + most);
        refused(() -> JobChecks.check(SmallJobs.job(sets), 4, MemoryBudget.ofHost(most, Long.MAX_VALUE),
                Long.MAX_VALUE), "not enough memory: ");
        sets.set(2, "model=[{linear: {in: " + most + ", out: 1}}]");
        refused(() -> JobChecks.check(SmallJobs.job(sets), 1, MemoryBudget.ofHost(1, Long.MAX_VALUE),
                Long.MAX_VALUE), "not enough memory: ");
    }

    @Test
    void shouldRefuseMoreSamplesThanTheJavaHeapCanOrder() {
        Job job = SmallJobs.job("data.train.samples=150000000");
        MemoryBudget plenty = MemoryBudget.ofHost(2, SmallJobs.PLENTY_BYTES);
        JobChecks.check(job, 2, plenty, 1_800_000_000);
        refused(() -> JobChecks.check(job, 2, plenty, 1_799_999_998), "not enough memory in Java's heap:"
                + " the order of 150000000 samples needs 0.84 GiB, and 0.84 GiB are available; set the environment variable"
                + " LOCKSTEP_JAVA_OPTS to -Xmx3g");
        JobChecks.check(SmallJobs.job("data.train.samples=150000000", "train.shuffle=false"), 2, plenty,
                600_000_000);
    }

    /** The data hold 50 samples, so that is what a batch comes to. */
    @Test
    void shouldNotCountABatchThatIsNeverFull() {
        Job job = SmallJobs.job("train.batch-size=2147483647", TEST_DATA);
        assertEquals(SmallJobs.memory(SmallJobs.job("train.batch-size=50", TEST_DATA), 1), SmallJobs.memory(job, 1));
        JobChecks.check(job, 1, MemoryBudget.ofHost(1, 1L << 30), SmallJobs.PLENTY_BYTES);
    }

    @Test
    void shouldRefusePrecisionsThatTheCpuDoesNotHave() {
        check(SmallJobs.job("device=cpu"));
        for (String precision : List.of("bf16", "tf32")) {
            refused(() -> check(SmallJobs.job("device=cpu", "precision=" + precision)),
                    "precision: " + precision + " needs a GPU");
            check(SmallJobs.job("device=cuda", "precision=" + precision));
        }
    }

    @Test
    void shouldKeepDataThatDoesNotFitOnTheGpuOnTheHostsSide() {
        Job job = SmallJobs.job();
        long overhead = 1 << 20;
        long all = SmallJobs.memory(job, 3).onGpu(true).longValueExact() + overhead;
        assertFalse(JobChecks.check(job, 3, gpu(2, 2 * all, overhead), SmallJobs.PLENTY_BYTES).featuresOnHost());
        assertTrue(JobChecks.check(job, 3, gpu(2, 2 * all - 1, overhead), SmallJobs.PLENTY_BYTES).featuresOnHost());
    }

    @Test
    void shouldRefuseWhatDoesNotFitOnTheGpuToTheByte() {
        Job job = SmallJobs.job();
        long overhead = 1 << 30;
        long without = SmallJobs.memory(job, 3).onGpu(false).longValueExact() + overhead;
        assertTrue(JobChecks.check(job, 3, gpu(2, 2 * without, overhead), SmallJobs.PLENTY_BYTES).featuresOnHost());
        refused(() -> JobChecks.check(job, 3, gpu(2, 2 * without - 1, overhead), SmallJobs.PLENTY_BYTES),
                "not enough memory: the job needs 1.00 GiB (parameters ", " on each of 2 ranks of GPU 1 (Test), 2.00 GiB in"
                        + " all, and 2.00 GiB are available; make ");
        MemoryBudget littleHost = new MemoryBudget(2, 2 * MemoryEstimate.BASE_BYTES - 1,
                gpu(2, SmallJobs.PLENTY_BYTES, overhead).gpu());
        refused(() -> JobChecks.check(job, 3, littleHost, SmallJobs.PLENTY_BYTES), " on each of 2 ranks of this machine");
    }

    private static MemoryBudget gpu(int ranks, long freeBytes, long overheadBytes) {
        return new MemoryBudget(ranks, SmallJobs.PLENTY_BYTES,
                Optional.of(new MemoryBudget.Gpu("GPU 1 (Test)", ranks, freeBytes, overheadBytes)));
    }

    @Test
    void shouldRefuseAGlobalBatchThatTheRanksDoNotDivide() {
        Job job = SmallJobs.job("train={epochs: 1, global-batch: 8}");
        SmallJobs.sources(job, 4);
        refused(() -> SmallJobs.sources(job, 3), "train.global-batch is 8, which 3 ranks do not divide");
    }

    @Test
    void shouldRefuseMissingFilesBeforeAnythingIsLoaded() {
        Job job = SmallJobs.job(idx(folder.resolve("nowhere"), folder.resolve("labels")));
        refused(() -> check(job), folder.resolve("nowhere") + " does not exist");
    }

    private static void check(Job job) {
        SmallJobs.sources(job, 2);
    }

    /** Images of 2 x 3 pixels. */
    private Job idxJob(byte[] labels, String... sets) {
        Path images = IdxFiles.write(folder.resolve("images"), IdxFiles.idx(labels.length, 2, 3));
        Path labelFile = IdxFiles.write(folder.resolve("labels"), IdxFiles.join(IdxFiles.header(labels.length), labels));
        List<String> all = new ArrayList<>(List.of(idx(images, labelFile)));
        all.addAll(List.of(sets));
        return SmallJobs.job(all);
    }

    private static String idx(Path images, Path labels) {
        return "data.train={format: idx, images: " + images + ", labels: " + labels + "}";
    }

    private static void refused(Executable code, String... parts) {
        String message = assertThrows(InvalidInputException.class, code).getMessage();
        assertFalse(message.contains("\n"), message);
        assertTrue(message.matches(".+; [a-z].+"), message);
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "expected \"" + part + "\" in: " + message);
        }
    }
}

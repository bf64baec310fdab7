package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobFileTest {
    private static final OptionalDouble NONE = OptionalDouble.empty();

    @TempDir
    private Path folder;

    @Test
    void shouldFillInEveryDefault() {
        Job expected = new Job(
                "tiny", 0, DeviceChoice.AUTO, Precision.FP32, OptionalInt.empty(), false, Duration.ofSeconds(60),
                new DataConfig(new DataSource.Synthetic(100, 4, 3, 0), Optional.empty(), Optional.empty()),
                List.of(
                        new LayerConfig.LinearLayer(4, 8),
                        new LayerConfig.ActivationLayer(ActivationKind.RELU),
                        new LayerConfig.LinearLayer(8, 3)),
                new LossConfig.CrossEntropy(0),
                List.of(new MetricConfig.Accuracy()),
                new OptimizerConfig.Sgd(0.1, 0, 0, 0, false),
                ScheduleConfig.NONE,
                new TrainConfig(2, OptionalInt.of(10), OptionalInt.empty(), 1, true, false, NONE, NONE),
                new DistributedConfig(1 << 20, 25 << 20, 4 << 20, true, true),
                new CheckpointConfig(0, 0, 0, 3),
                new LogConfig(0),
                Optional.empty());

        assertEquals(expected, Jobs.parse(Jobs.MINIMAL));
    }

    @Test
    void shouldReadNormsDropoutAndResidualBlocks() {
        Job job = Jobs.parse(Jobs.with("- relu", """
                - batch-norm
                  - batch-norm: {momentum: 0.5}
                  - sync-batch-norm: {eps: 1e-3}
                  - layer-norm
                  - layer-norm: {eps: 0}
                  - dropout: 0.25
                  - residual:
                    - linear: {in: 8, out: 16}
                    - gelu
                    - residual: [dropout: 0, relu]
                    - linear: {in: 16, out: 8}
                  - residual: [layer-norm, sync-batch-norm]"""));
        LayerConfig.LayerNormLayer layerNorm = new LayerConfig.LayerNormLayer(1e-5);
        assertEquals(List.of(
                new LayerConfig.LinearLayer(4, 8),
                new LayerConfig.BatchNormLayer(false, 1e-5, 0.1),
                new LayerConfig.BatchNormLayer(false, 1e-5, 0.5),
                new LayerConfig.BatchNormLayer(true, 1e-3, 0.1),
                layerNorm,
                new LayerConfig.LayerNormLayer(0),
                new LayerConfig.DropoutLayer(0.25),
                new LayerConfig.ResidualLayer(List.of(new LayerConfig.LinearLayer(8, 16),
                        new LayerConfig.ActivationLayer(ActivationKind.GELU),
                        new LayerConfig.ResidualLayer(List.of(new LayerConfig.DropoutLayer(0),
                                new LayerConfig.ActivationLayer(ActivationKind.RELU))),
                        new LayerConfig.LinearLayer(16, 8))),
                new LayerConfig.ResidualLayer(List.of(layerNorm, new LayerConfig.BatchNormLayer(true, 1e-5, 0.1))),
                new LayerConfig.LinearLayer(8, 3)), job.model());
        assertEquals(job, Jobs.parse(JobFile.toYaml(job)));
    }

    @Test
    void shouldReadEveryKey() {
        Job job = Jobs.parse("""
                name: "all keys"
                seed: 9223372036854775807
                device: cuda
                precision: bf16
                threads: 3
                gpu-sharing: true
                timeout: 1500ms
                data:
                  train: {format: idx, images: ../data/images.gz, labels: /elsewhere/./labels}
                  test: {format: synthetic, samples: 5, features: 6, classes: 7, seed: 8}
                  validation: {format: synthetic, samples: 9, features: 6, classes: 7, seed: 8}
                model: [{linear: {in: 6, out: 5}}, sigmoid, tanh, gelu, relu, {linear: {in: 5, out: 7}}]
                loss: {cross-entropy: {label-smoothing: 0.1}}
                metrics: [{top-k: 5}, accuracy, confusion-matrix]
                optimizer:
                  sgd: {lr: 1e-3, momentum: .5, weight-decay: 5.E-4, dampening: 0, nesterov: true}
                  groups:
                    - {parameters: [biases, norms], weight-decay: 0}
                    - {parameters: "4.*", lr: 0.002, weight-decay: 1}
                schedule: {warmup-epochs: 2, step: {every-epochs: 3, gamma: 0.5}, scale-lr: linear}
                train: {epochs: 3, global-batch: 96, accumulate: 4, shuffle: false, drop-last: true, clip-norm: 1.0,
                    clip-value: .5}
                distributed: {first-bucket: 512B, bucket: 1GiB, chunk: 4096, overlap: false, shared-memory: false}
                checkpoint: {every-epochs: 1, every-steps: 2, every-minutes: 0.5, keep: 4}
                log: {every-steps: 10}
                validation: {every-epochs: 0, every-steps: 9, monitor: accuracy, keep-best: true,
                    early-stopping: {patience: 2, min-delta: .01}}
                """);

        assertEquals(
                new Job(
                        "all keys", Long.MAX_VALUE, DeviceChoice.CUDA, Precision.BF16, OptionalInt.of(3), true,
                        Duration.ofMillis(1500),
                        new DataConfig(
                                new DataSource.Idx(Path.of("/base/data/images.gz"), Path.of("/elsewhere/labels")),
                                Optional.of(new DataSource.Synthetic(5, 6, 7, 8)),
                                Optional.of(new DataSource.Synthetic(9, 6, 7, 8))),
                        List.of(
                                new LayerConfig.LinearLayer(6, 5),
                                new LayerConfig.ActivationLayer(ActivationKind.SIGMOID),
                                new LayerConfig.ActivationLayer(ActivationKind.TANH),
                                new LayerConfig.ActivationLayer(ActivationKind.GELU),
                                new LayerConfig.ActivationLayer(ActivationKind.RELU),
                                new LayerConfig.LinearLayer(5, 7)),
                        new LossConfig.CrossEntropy(0.1),
                        List.of(new MetricConfig.TopK(5), new MetricConfig.Accuracy(), new MetricConfig.ConfusionMatrix()),
                        new OptimizerConfig.Sgd(0.001, 0.5, 0.0005, 0, true, List.of(
                                new GroupConfig(List.of("biases", "norms"), OptionalDouble.empty(), OptionalDouble.of(0)),
                                new GroupConfig(List.of("4.*"), OptionalDouble.of(0.002), OptionalDouble.of(1)))),
                        new ScheduleConfig(ScheduleConfig.Unit.EPOCHS, 2, Optional.of(new ScheduleConfig.StepDecay(3, 0.5)),
                                ScheduleConfig.ScaleLr.LINEAR),
                        new TrainConfig(3, OptionalInt.empty(), OptionalInt.of(96), 4, false, true,
                                OptionalDouble.of(1), OptionalDouble.of(0.5)),
                        new DistributedConfig(512, 1 << 30, 4096, false, false),
                        new CheckpointConfig(1, 2, 0.5, 4),
                        new LogConfig(10),
                        Optional.of(new ValidationConfig(0, 9, Optional.of(new MetricConfig.Accuracy()),
                                Optional.of(new ValidationConfig.EarlyStopping(2, 0.01)), true))),
                job);
    }

    @Test
    void shouldWriteGroupsAndScheduleResolved() {
        Job job = Jobs.parse(Jobs.MINIMAL, "optimizer.groups=[{parameters: [biases, '4.*'], weight-decay: 0}]",
                "schedule={warmup-steps: 100, cosine: {steps: 5000}}");

        assertEquals(new ScheduleConfig(ScheduleConfig.Unit.STEPS, 100,
                Optional.of(new ScheduleConfig.CosineDecay(5000, 0)), ScheduleConfig.ScaleLr.NONE), job.schedule());
        assertTrue(JobFile.toYaml(job).contains("\n  groups: [{parameters: [\"biases\", \"4.*\"], weight-decay: 0}]\n"
                + "schedule: {warmup-steps: 100, cosine: {steps: 5000, min-lr: 0}, scale-lr: none}\n"), JobFile.toYaml(job));
    }

    @Test
    void shouldReadAdamWithItsDefaultsAndWriteItResolved() {
        Job adam = Jobs.parse(Jobs.with("sgd: {lr: 0.1}", "adam: {}"));
        Job adamw = Jobs.parse(Jobs.with("sgd: {lr: 0.1}", "adamw: {lr: 2e-3, betas: [0, .95], eps: 1e-7}"));

        assertEquals(new OptimizerConfig.Adam(0.001, 0.9, 0.999, 1e-8, 0, false), adam.optimizer());
        assertEquals(new OptimizerConfig.Adam(0.002, 0, 0.95, 1e-7, 0.01, true), adamw.optimizer());
        assertTrue(JobFile.toYaml(adam).contains("\n  adam: {lr: 0.001, betas: [0.9, 0.999], eps: 0.00000001,"
                + " weight-decay: 0}\n"), JobFile.toYaml(adam));
        assertTrue(JobFile.toYaml(adamw).contains("\n  adamw: {lr: 0.002, betas: [0, 0.95], eps: 0.0000001,"
                + " weight-decay: 0.01}\n"), JobFile.toYaml(adamw));
    }

    @ParameterizedTest
    @CsvSource({"60s, 60000", "5m, 300000", "500ms, 500", "1h, 3600000", "'2 h', 7200000", "8760h, 31536000000"})
    void shouldReadTimes(String text, long millis) {
        assertEquals(Duration.ofMillis(millis), Jobs.parse("timeout: " + text + "\n" + Jobs.MINIMAL).timeout());
    }

    @ParameterizedTest
    @CsvSource({"25MiB, 26214400", "4KiB, 4096", "1GiB, 1073741824", "512B, 512", "4, 4", "1 MiB, 1048576"})
    void shouldReadSizes(String text, long bytes) {
        Job job = Jobs.parse("distributed: {bucket: " + text + "}\n" + Jobs.MINIMAL);

        assertEquals(bytes, job.distributed().bucketBytes());
    }

    @Test
    void shouldWriteEveryKeyResolved() {
        assertEquals("""
                name: "tiny"
                seed: 0
                device: auto
                precision: fp32
                threads: auto
                gpu-sharing: false
                timeout: 1m
                data:
                  train: {format: synthetic, samples: 100, features: 4, classes: 3, seed: 0}
                  test: null
                  validation: null
                model:
                  - linear: {in: 4, out: 8}
                  - relu
                  - linear: {in: 8, out: 3}
                loss: {cross-entropy: {label-smoothing: 0}}
                metrics: [accuracy]
                optimizer:
                  sgd: {lr: 0.1, momentum: 0, weight-decay: 0, dampening: 0, nesterov: false}
                  groups: []
                schedule: {warmup-steps: 0, scale-lr: none}
                train:
                  epochs: 2
                  batch-size: 10
                  accumulate: 1
                  shuffle: true
                  drop-last: false
                  clip-norm: null
                  clip-value: null
                distributed: {first-bucket: 1MiB, bucket: 25MiB, chunk: 4MiB, overlap: true, shared-memory: true}
                checkpoint: {every-epochs: 0, every-steps: 0, every-minutes: 0, keep: 3}
                log: {every-steps: 0}
                validation: null
                """, JobFile.toYaml(Jobs.parse(Jobs.MINIMAL)));
    }

    @Test
    void shouldShareValuesThroughAliases() {
        Job job = Jobs.parse(Jobs.with("  - linear: {in: 4, out: 8}\n  - relu\n",
                "  - linear: {in: 4, out: 8}\n  - &hidden {linear: {in: 8, out: 8}}\n  - *hidden\n"));

        assertEquals(job.model().get(1), job.model().get(2));
    }

    @Test
    void shouldDivideTheGlobalBatchAmongRanks() {
        TrainConfig train = new TrainConfig(1, OptionalInt.empty(), OptionalInt.of(96), 1, true, false, NONE, NONE);

        assertEquals(32, train.batchPerRank(3));
        assertEquals(
                "train.global-batch is 96, which 5 ranks do not divide; choose a multiple of 5 or another number of ranks",
                assertThrows(InvalidInputException.class, () -> train.batchPerRank(5)).getMessage());
        TrainConfig perRank = new TrainConfig(1, OptionalInt.of(7), OptionalInt.empty(), 1, true, false, NONE, NONE);
        assertEquals(7, perRank.batchPerRank(5));
    }

    @Test
    void shouldDivideTheGlobalBatchAmongTheMicroBatchesOfAllRanks() {
        TrainConfig train = new TrainConfig(1, OptionalInt.empty(), OptionalInt.of(96), 4, true, false, NONE, NONE);

        assertEquals(8, train.batchPerRank(3));
        assertEquals(96, train.stepSamples(3));
        assertEquals("train.global-batch is 96, which 20 micro-batches a step (train.accumulate 4 on 5 ranks) do not divide;"
                        + " choose a multiple of 20 or another number of ranks",
                assertThrows(InvalidInputException.class, () -> train.batchPerRank(5)).getMessage());
        TrainConfig perRank = new TrainConfig(1, OptionalInt.of(7), OptionalInt.empty(), 4, true, false, NONE, NONE);
        assertEquals(7, perRank.batchPerRank(5));
        assertEquals(140, perRank.stepSamples(5));
    }

    @ParameterizedTest
    @ValueSource(strings = {"fashion-mnist", "mnist", "wide-mlp"})
    void shouldReadTheJobsOfThisRepository(String name) {
        Job job = JobFile.load(Path.of("jobs", name + ".yaml"), List.of());

        assertEquals(name, job.name());
        assertTrue(job.data().test().isPresent());
        if (job.data().train() instanceof DataSource.Idx idx) {
            assertEquals(Path.of("data", name).toAbsolutePath(), idx.images().get(0).getParent());
        }
    }

    @Test
    void shouldResolvePathsAgainstTheFolderOfTheJobFile() throws IOException {
        Path file = write("job.yaml", Jobs.with(
                "{format: synthetic, samples: 100, features: 4, classes: 3}", "{format: idx, images: i, labels: ../l}"));

        DataSource.Idx idx = (DataSource.Idx) JobFile.load(file, List.of()).data().train();

        assertEquals(new DataSource.Idx(folder.resolve("i"), folder.resolveSibling("l")), idx);
    }

    @Test
    void shouldReadSeveralFilesASplit() {
        DataConfig data = Jobs.parse(Jobs.with("{format: synthetic, samples: 100, features: 4, classes: 3}",
                "{format: idx, images: [a, b], labels: [c, d]}")).data();

        assertEquals(new DataSource.Idx(List.of(Jobs.BASE.resolve("a"), Jobs.BASE.resolve("b")),
                List.of(Jobs.BASE.resolve("c"), Jobs.BASE.resolve("d"))), data.train());
    }

    @Test
    void shouldReadCsvFiles() {
        DataConfig data = Jobs.parse(Jobs.with("{format: synthetic, samples: 100, features: 4, classes: 3}", """
                {format: csv, files: [a.csv, b.csv.gz], target: y}
                  test: {format: csv, files: t.csv}
                """)).data();
        assertEquals(new DataConfig(new DataSource.Csv(List.of(Jobs.BASE.resolve("a.csv"), Jobs.BASE.resolve("b.csv.gz")),
                Optional.of(new CsvColumns(List.of("y"), true, ',', List.of(), List.of(), CsvColumns.MissingPolicy.ERROR,
                        List.of("NA", "N/A", "NaN", "nan", "NULL", "null", "None"), CsvColumns.UnknownPolicy.ERROR, true))),
                Optional.of(new DataSource.Csv(List.of(Jobs.BASE.resolve("t.csv")), Optional.empty())), Optional.empty()),
                        data);

        CsvColumns columns = ((DataSource.Csv) Jobs.parse(Jobs.with("{format: synthetic, samples: 100, features: 4,"
                + " classes: 3}",
                "{format: csv, files: a.csv, target: [3, null], header: false, delimiter: \"\\t\", categorical: 1,"
                + " drop: [0, '2'],"
                        + " missing: impute, missing-values: ['?', null, -9], unknown-categories: ignore,"
                        + " standardize: false}"))
                .data().train()).columns().orElseThrow();
        assertEquals(new CsvColumns(List.of("3", "null"), false, '\t', List.of("1"), List.of("0", "2"),
                CsvColumns.MissingPolicy.IMPUTE, List.of("?", "null", "-9"), CsvColumns.UnknownPolicy.IGNORE, false),
                        columns);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "files: [], target: y             | 'data.train.files' is empty; it needs the path of a CSV file, or a list"
                + " of such paths",
        "files: a                         | required key 'data.train.target' is missing",
        "files: a, target: []             | 'data.train.target' is empty; it needs the name of a column",
        "files: a, target: {y: 1}         | 'data.train.target' must be a text or a list of texts, not a map",
        "files: a, target: y, drop: [b, y] | column 'y' is named twice, in data.train.target and data.train.drop",
        "files: a, target: y, drop: [b, b] | column 'b' is named twice, in data.train.drop",
        "files: a, target: y, delimiter: xx | 'data.train.delimiter' must be one ASCII character that no number"
        + " holds, such as ',' ';' or \"\\t\", not 'xx'",
        "files: a, target: y, delimiter: 1 | 'data.train.delimiter' must be one ASCII character that no number holds,"
        + " such as ',' ';' or \"\\t\", not '1'",
        "files: a, target: y, missing: mean | 'data.train.missing' must be one of error, impute, not 'mean'",
        "files: a, target: y, images: b   | key 'data.train.images' goes with format idx, not with csv",
        "files: a, target: y, standardise: true | key 'data.train.standardise' is unknown; did you mean"
        + " 'data.train.standardize'?",
        "files: a, target: y}, test: {format: csv, files: b, target: y | key 'data.test.target' has its place in"
        + " data.train: all splits are read alike",
    })
    void shouldRefuseCsvKeysThatAreWrong(String keys, String message) {
        assertEquals("job.yaml:2: " + message, Jobs.errorOf("name: tiny\ndata: {train: {format: csv, " + keys + "}}\n"
                + Jobs.MINIMAL.substring(Jobs.MINIMAL.indexOf("model:"))));
    }

    @Test
    void shouldRefuseFilesThatDoNotGoTogether() {
        String synthetic = "{format: synthetic, samples: 100, features: 4, classes: 3}";
        assertEquals("job.yaml:3: 'data.train.labels' must name as many files as 'images' does, 2, not 1",
                Jobs.errorOf(Jobs.with(synthetic, "{format: idx, images: [a, b], labels: [c]}")));
        assertEquals("job.yaml:4: 'data.validation' is read as the training data is, so that its format is csv only"
                + " where that of"
                + " data.train is", Jobs.errorOf(Jobs.with(synthetic, synthetic + "\n  validation: {format: csv,"
                + " files: a}")));
    }

    @Test
    void shouldSkipAByteOrderMark() {
        assertEquals(Jobs.parse(Jobs.MINIMAL), Jobs.parse("\uFEFF" + Jobs.MINIMAL));
    }

    @Test
    void shouldRefuseAMissingFile() {
        Path file = folder.resolve("absent.yaml");

        assertEquals(file + ": no such job file", loadError(file));
        assertEquals(folder + "/a\\nb: no such job file", loadError(folder.resolve("a\nb")));
    }

    @Test
    void shouldRefuseAFolder() {
        assertEquals(folder + ": is a folder, not a job file", loadError(folder));
        assertEquals("/: is a folder, not a job file", loadError(Path.of("/")));
    }

    @Test
    void shouldRefuseAnUnreadableFile() throws IOException {
        Path file = write("job.yaml", Jobs.MINIMAL);
        assertTrue(file.toFile().setReadable(false, false));
        Assumptions.assumeFalse(Files.isReadable(file), "root reads everything");

        assertEquals(file + ": cannot be read: permission denied", loadError(file));
    }

    @Test
    void shouldRefuseBytesThatAreNotUtf8() throws IOException {
        Path file = Files.write(folder.resolve("job.yaml"), new byte[] {'n', ':', ' ', (byte) 0xFF});

        assertEquals(file + ": is not UTF-8 text, so it is no job file", loadError(file));
    }

    @Test
    void shouldRefuseAFileThatIsTooLarge() throws IOException {
        Path file = write("job.yaml", "#".repeat((1 << 20) + 1));

        assertEquals(file + ": is larger than 1MiB, so it is no job file", loadError(file));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "   \n", "# only a comment\n"})
    void shouldRefuseAnEmptyFile(String text) throws IOException {
        Path file = write("job.yaml", text);

        assertTrue(loadError(file).startsWith(file + ": is empty; "), loadError(file));
    }

    private Path write(String name, String text) throws IOException {
        return Files.write(folder.resolve(name), text.getBytes(StandardCharsets.UTF_8));
    }

    private static String loadError(Path file) {
        return assertThrows(InvalidInputException.class, () -> JobFile.load(file, List.of())).getMessage();
    }
}

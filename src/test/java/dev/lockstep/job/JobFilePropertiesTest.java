package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import java.math.BigDecimal;
import java.nio.charset.Charset;
import java.nio.charset.CharsetEncoder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class JobFilePropertiesTest {
    private static final String[] FRAGMENTS = {
        "\n", " ", "\t", ":", ": ", "- ", "[", "]", "{", "}", ",", "&a ", "*a", "!!x ", "!", "|", ">", "\"", "'", "#", "%",
        "@", "`", "? ", "<<: ", "---\n", "...\n", "~", "null", "true", "-1", "1e400", "99999999999", "\\", "\0", "\r",
        "\u2028", "\uFEFF", "\uD83D\uDE00", "\uD800", "name: ", "train", "linear", "format: idx"
    };

    /** In an ASCII locale Java names files in ASCII only. */
    private static final CharsetEncoder FILE_NAMES =
            Charset.forName(System.getProperty("sun.jnu.encoding")).newEncoder();

    @Property(tries = 300, seed = "20")
    void shouldReadBackWhatItWrites(@ForAll("jobs") Job job) {
        String yaml = JobFile.toYaml(job);

        Job read = JobFile.parse(yaml, Path.of("elsewhere"), "config.yaml", List.of());

        assertEquals(job, read);
        assertEquals(yaml, JobFile.toYaml(read));
    }

    @Property(tries = 4000, seed = "21")
    void shouldAnswerMutatedFilesWithAJobOrOneLine(@ForAll long seed) {
        Random random = new Random(seed);
        String yaml = mutate(JobFile.toYaml(Jobs.parse(Jobs.MINIMAL)), random);
        List<String> sets = random.nextInt(4) > 0 ? List.of() : List.of(mutate("train.batch-size={a: [1]}", random));
        try {
            Job job = JobFile.parse(yaml, Jobs.BASE, "job.yaml", sets);
            assertEquals(job, Jobs.parse(JobFile.toYaml(job)));
        } catch (InvalidInputException e) {
            String message = e.getMessage();
            assertTrue(message.startsWith("job.yaml:") || message.startsWith("--set "), message);
            assertTrue(message.length() < 500 && message.lines().count() == 1
                    && message.codePoints().noneMatch(Character::isISOControl), message);
        }
    }

    /** A few places of the text cut out, doubled, or overwritten with pieces of YAML. */
    private static String mutate(String text, Random random) {
        StringBuilder mutated = new StringBuilder(text);
        for (int change = random.nextInt(4); change >= 0; change--) {
            int from = random.nextInt(mutated.length() + 1);
            int to = Math.min(mutated.length(), from + random.nextInt(12));
            switch (random.nextInt(3)) {
                case 0 -> mutated.delete(from, to);
                case 1 -> mutated.insert(random.nextInt(mutated.length() + 1), mutated.substring(from, to));
                default -> mutated.replace(from, random.nextBoolean() ? to : from,
                        FRAGMENTS[random.nextInt(FRAGMENTS.length)]);
            }
        }
        return mutated.toString();
    }

    @Provide
    Arbitrary<Job> jobs() {
        Arbitrary<Long> longs = Arbitraries.longs().greaterOrEqual(0);
        Arbitrary<List<Object>> general = Combinators.combine(
                        Arbitraries.strings().withChars("abcXYZ09 ._+=,@()-öß中").ofMaxLength(20)
                                .filter(FILE_NAMES::canEncode).map(s -> "n" + s + "n"),
                        longs, Arbitraries.of(DeviceChoice.class), Arbitraries.of(Precision.class),
                        threads(), Arbitraries.of(true, false),
                        Arbitraries.longs().between(1, 31_536_000_000L).map(Duration::ofMillis), validation())
                .as(List::of);
        Arbitrary<Job> jobs = Combinators.combine(
                        general, data(), model(), Combinators.combine(optimizer(), schedule()).as(Map::entry), train(),
                        distributed(), checkpoint(), longs.map(LogConfig::new))
                .as((g, data, model, optimizer, train, distributed, checkpoint, log) -> new Job(
                        (String) g.get(0), (Long) g.get(1), (DeviceChoice) g.get(2), (Precision) g.get(3),
                        (OptionalInt) g.get(4), (Boolean) g.get(5), (Duration) g.get(6), data, model,
                        new LossConfig.Mse(), List.of(), optimizer.getKey(), optimizer.getValue(), train, distributed,
                        checkpoint, log, data.validation().map(split -> (ValidationConfig) g.get(7))));
        return Combinators.combine(jobs, loss()).as((job, loss) -> new Job(job.name(), job.seed(), job.device(),
                job.precision(), job.threads(), job.gpuSharing(), job.timeout(), job.data(), job.model(), loss.config,
                loss.metrics, job.optimizer(), job.schedule(), job.train(), job.distributed(), job.checkpoint(), job.log(),
                job.validation().map(validation -> new ValidationConfig(validation.everyEpochs(), validation.everySteps(),
                        loss.metrics.stream().filter(metric -> !(metric instanceof MetricConfig.ConfusionMatrix)).findFirst(),
                        validation.earlyStopping(), validation.keepBest()))));
    }

    private static Arbitrary<ValidationConfig> validation() {
        return Combinators.combine(positive(), Arbitraries.longs().greaterOrEqual(0),
                        Arbitraries.just(Optional.<MetricConfig>empty()),
                        Combinators.combine(positive(), fromZero()).as(ValidationConfig.EarlyStopping::new).optional(),
                        Arbitraries.of(true, false))
                .as(ValidationConfig::new);
    }

    private record Loss(LossConfig config, List<MetricConfig> metrics) {}

    private static Arbitrary<Loss> loss() {
        Arbitrary<MetricConfig> ofClasses = Arbitraries.oneOf(positive().map(MetricConfig.TopK::new),
                Arbitraries.of(new MetricConfig.Accuracy(), new MetricConfig.ConfusionMatrix()));
        Arbitrary<MetricConfig> ofNumbers = Arbitraries.of(new MetricConfig.Mae(), new MetricConfig.Rmse());
        return Arbitraries.oneOf(
                Combinators.combine(fromZero().filter(smoothing -> smoothing <= 1), ofClasses.set().ofMaxSize(4))
                        .as((smoothing, metrics) -> new Loss(new LossConfig.CrossEntropy(smoothing), List.copyOf(metrics))),
                ofNumbers.set().map(metrics -> new Loss(new LossConfig.Mse(), List.copyOf(metrics))));
    }

    private static Arbitrary<Integer> positive() {
        return Arbitraries.integers().greaterOrEqual(1);
    }

    private static Arbitrary<OptionalInt> threads() {
        return Arbitraries.integers().between(1, Job.MAX_THREADS).optional().map(i -> i.isPresent() ? OptionalInt.of(i.get()) : OptionalInt.empty());
    }

    private static Arbitrary<Double> fromZero() {
        return Arbitraries.oneOf(
                Arbitraries.of(0.0, 0.1, 0.9, 1e-3, 1e-12, Double.MIN_VALUE, Double.MAX_VALUE),
                Arbitraries.longs().map(Double::longBitsToDouble).filter(Double::isFinite).map(d -> Math.abs(d) + 0.0));
    }

    /** Of those that are computed with as floats. */
    private static Arbitrary<Double> floatFromZero() {
        return fromZero().map(number ->
                number == 0 || number >= Float.MIN_NORMAL && number <= Float.MAX_VALUE ? number : 0.3);
    }

    private static Arbitrary<DataConfig> data() {
        // Everything that a path may hold, and that YAML or a terminal could trip over.
        Arbitrary<Path> path = Arbitraries.strings()
                .withChars("ab .:#'\"\\{}[],&*!|>%@`~\n\r\t\u0007\u0085\u2028\u202Eöß").ofMinLength(1).ofMaxLength(12)
                .filter(FILE_NAMES::canEncode)
                .map(name -> Path.of("/data", name).normalize());
        Arbitrary<List<Path>> paths = path.list().ofMinSize(1).ofMaxSize(3);
        Arbitrary<DataSource> idx = paths.flatMap(images -> path.list().ofSize(images.size())
                .map(labels -> new DataSource.Idx(images, labels)));
        Arbitrary<DataSource> synthetic = Combinators.combine(
                        positive(), positive(), positive(), Arbitraries.longs().greaterOrEqual(0))
                .as(DataSource.Synthetic::new);
        Arbitrary<DataSource> values = Combinators.combine(
                        positive(), positive(), positive(), Arbitraries.longs().greaterOrEqual(0))
                .as(DataSource.SyntheticValues::new);
        Arbitrary<DataSource> source = Arbitraries.oneOf(idx, synthetic, values);
        Arbitrary<DataSource> csv = Combinators.combine(paths, columns())
                .as((files, columns) -> new DataSource.Csv(files, Optional.of(columns)));
        Arbitrary<DataSource> likeTraining = paths.map(files -> new DataSource.Csv(files, Optional.empty()));
        return Arbitraries.oneOf(
                Combinators.combine(source, source.optional(), source.optional()).as(DataConfig::new),
                Combinators.combine(csv, Arbitraries.oneOf(source, likeTraining).optional(), likeTraining.optional())
                        .as(DataConfig::new));
    }

    private static Arbitrary<CsvColumns> columns() {
        Arbitrary<String> text = Arbitraries.strings().withChars("ab .:#'\"\\{}[],&*!|>%@`~\n\t\u2028öß").ofMinLength(1)
                .ofMaxLength(6);
        Arbitrary<List<String>> names = text.list().uniqueElements().ofMinSize(1).ofMaxSize(6);
        return Combinators.combine(names, Arbitraries.integers().between(0, 5), Arbitraries.integers().between(0, 5),
                        Arbitraries.of(',', ';', '\t', '|', ' ', '\'', '\\'), Arbitraries.of(CsvColumns.MissingPolicy.class),
                        text.list().ofMaxSize(3), Arbitraries.of(CsvColumns.UnknownPolicy.class),
                        Arbitraries.integers().between(0, 3))
                .as((all, from, to, delimiter, missing, missingValues, unknown, flags) -> {
                    int targets = Math.min(all.size(), 1 + from);
                    int categorical = Math.min(all.size(), targets + to);
                    return new CsvColumns(all.subList(0, targets), flags % 2 == 0, delimiter,
                            all.subList(targets, categorical), all.subList(categorical, all.size()), missing, missingValues,
                            unknown, flags / 2 == 0);
                });
    }

    /** Chains of linear layers with other layers between, before and after them. */
    private static Arbitrary<List<LayerConfig>> model() {
        Arbitrary<List<Integer>> sizes = positive().list().ofMinSize(2).ofMaxSize(5);
        return Combinators.combine(sizes, keepers(2).list().ofSize(6), custom()).as((n, keepers, custom) -> {
            List<LayerConfig> layers = new ArrayList<>();
            for (int i = 0; i + 1 < n.size(); i++) {
                layers.add(keepers.get(i));
                layers.add(new LayerConfig.LinearLayer(n.get(i), n.get(i + 1)));
            }
            layers.add(keepers.get(5));
            layers.add(custom);
            return layers;
        });
    }

    /** Layers that keep the number of features, whatever it is; residual blocks at most {@code depth} within each other. */
    private static Arbitrary<LayerConfig> keepers(int depth) {
        Arbitrary<Double> upToOne = Arbitraries.oneOf(
                Arbitraries.of(0.0, 0.1, 0.5, 1e-9), Arbitraries.integers().between(0, 999).map(i -> i / 1e3));
        Arbitrary<LayerConfig> single = Arbitraries.oneOf(
                Arbitraries.of(ActivationKind.class).map(LayerConfig.ActivationLayer::new),
                Combinators.combine(Arbitraries.of(true, false), floatFromZero(), upToOne).as(LayerConfig.BatchNormLayer::new),
                floatFromZero().map(LayerConfig.LayerNormLayer::new),
                upToOne.map(LayerConfig.DropoutLayer::new));
        return depth == 0 ? single : Arbitraries.oneOf(single,
                keepers(depth - 1).list().ofMinSize(1).ofMaxSize(3).map(LayerConfig.ResidualLayer::new));
    }

    private static Arbitrary<OptimizerConfig> optimizer() {
        Arbitrary<Double> beta = Arbitraries.doubles().between(0, true, 1, false);
        Arbitrary<OptimizerConfig> adam = Combinators.combine(floatFromZero(), beta, beta,
                        Arbitraries.of(1e-8, 1.0, 1e30, (double) Float.MIN_NORMAL), floatFromZero(), Arbitraries.of(true, false),
                        group().list().ofMaxSize(2))
                .as(OptimizerConfig.Adam::new);
        return Arbitraries.oneOf(sgd(), adam);
    }

    private static Arbitrary<GroupConfig> group() {
        Arbitrary<OptionalDouble> number = floatFromZero().map(OptionalDouble::of);
        Arbitrary<List<String>> names = Arbitraries.of("biases", "norms", "*.weight", "4.?", "'a: b'").list().ofMinSize(1)
                .ofMaxSize(3);
        return Combinators.combine(names, number, Arbitraries.oneOf(number, Arbitraries.of(OptionalDouble.empty())))
                .as(GroupConfig::new);
    }

    /** No cosine but to 0: it may not end above a rate. */
    private static Arbitrary<ScheduleConfig> schedule() {
        Arbitrary<Long> counts = Arbitraries.longs().greaterOrEqual(1);
        Arbitrary<ScheduleConfig.Decay> decay = Arbitraries.oneOf(
                counts.map(length -> new ScheduleConfig.CosineDecay(length, 0)),
                Combinators.combine(counts, floatFromZero()).as(ScheduleConfig.StepDecay::new));
        return Combinators.combine(Arbitraries.of(ScheduleConfig.Unit.class), Arbitraries.longs().greaterOrEqual(0),
                decay.optional(), Arbitraries.of(ScheduleConfig.ScaleLr.class)).as(ScheduleConfig::new);
    }

    private static Arbitrary<LayerConfig> custom() {
        Arbitrary<Object> value = Arbitraries.oneOf(
                Arbitraries.strings().withChars("ab .:#'\"\\{}[],&*!|>%@`~\n\t\u2028\u202Eöß01").ofMinLength(1).asGeneric(),
                Arbitraries.doubles().map(JobFilePropertiesTest::canonical).asGeneric(), Arbitraries.of(true, false).asGeneric());
        return Arbitraries.maps(Arbitraries.strings().withCharRange('a', 'z').ofMinLength(1).filter(name -> !name.equals("class")),
                Arbitraries.oneOf(value, value.list().asGeneric())).ofMaxSize(4)
                .map(options -> new LayerConfig.CustomLayer("com.example.Größe$Inner", options));
    }

    private static BigDecimal canonical(double number) {
        return number == 0 ? BigDecimal.ZERO : new BigDecimal(Double.toString(number)).stripTrailingZeros();
    }

    private static Arbitrary<OptimizerConfig> sgd() {
        return Combinators.combine(
                        floatFromZero(), floatFromZero(), floatFromZero(), floatFromZero(), Arbitraries.of(-1, 1),
                        Arbitraries.of(true, false), group().list().ofMaxSize(2))
                .as((lr, momentum, weightDecay, dampening, sign, nesterov, groups) -> new OptimizerConfig.Sgd(
                        lr, momentum, weightDecay, dampening == 0 ? 0 : sign * dampening,
                        nesterov && momentum > 0 && dampening == 0, groups));
    }

    private static Arbitrary<TrainConfig> train() {
        Arbitrary<Boolean> flag = Arbitraries.of(true, false);
        Arbitrary<OptionalDouble> limit = fromZero().map(number -> (float) number.doubleValue() == 0 ? OptionalDouble.empty()
                : OptionalDouble.of(number));
        return Combinators.combine(positive(), positive(), flag, positive(), flag, flag, limit, limit)
                .as((epochs, batch, global, accumulate, shuffle, dropLast, clipNorm, clipValue) -> new TrainConfig(
                        epochs, global ? OptionalInt.empty() : OptionalInt.of(batch),
                        global ? OptionalInt.of(batch) : OptionalInt.empty(), accumulate, shuffle, dropLast,
                        clipNorm, clipValue));
    }

    private static Arbitrary<DistributedConfig> distributed() {
        Arbitrary<Long> bytes = Arbitraries.oneOf(
                Arbitraries.longs().between(4, 1L << 30), Arbitraries.longs().between(1, 1024).map(mib -> mib << 20));
        Arbitrary<Boolean> flag = Arbitraries.of(true, false);
        return Combinators.combine(bytes, bytes, bytes, flag, flag).as(DistributedConfig::new);
    }

    private static Arbitrary<CheckpointConfig> checkpoint() {
        return Combinators.combine(
                        Arbitraries.integers().greaterOrEqual(0), Arbitraries.longs().greaterOrEqual(0), fromZero(), positive())
                .as(CheckpointConfig::new);
    }
}

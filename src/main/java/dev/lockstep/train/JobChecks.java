package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.CsvEncoding;
import dev.lockstep.data.DatasetInfo;
import dev.lockstep.data.DatasetSource;
import dev.lockstep.data.DistributedSampler;
import dev.lockstep.job.DataSource;
import dev.lockstep.job.DeviceChoice;
import dev.lockstep.job.Job;
import dev.lockstep.job.Precision;
import dev.lockstep.nn.Sequential;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Holds a job against its data, the ranks and the machine before anything large is allocated. Each check throws
 * InvalidInputException.
 */
public final class JobChecks {
    private JobChecks() {
    }

    /**
     * The job's data sources, their headers read and held against the model.
     *
     * @param ranks     of the job
     * @param heapBytes limit of this process's Java heap
     */
    public static TrainingData check(Job job, int ranks, MemoryBudget budget, long heapBytes) {
        checkPrecision(job);
        DatasetSource train = DataSources.training(job);
        Supplier<CsvEncoding> encoding = () -> train.encoding().orElseThrow();
        Optional<DatasetSource> test = job.data().test().map(source -> DataSources.source(source, encoding));
        Optional<DatasetSource> validation = job.data().validation().map(source -> DataSources.source(source, encoding));
        int features = Models.inputFeatures(job.model()).orElseGet(() -> train.info().features());
        DatasetInfo trainInfo = checkFeatures("data.train", train, features, job);
        checkEnough(train, trainInfo, ranks);
        Sequential model = Models.build(job.model(), features);
        int outputs = model.outputFeatures(features);
        LossChecks.checkTargets(job, "data.train", train, trainInfo, outputs);
        List<DatasetInfo> evaluated = new ArrayList<>();
        test.ifPresent(source -> evaluated.add(checkSplit("data.test", source, features, outputs, job)));
        validation.ifPresent(source -> evaluated.add(checkSplit("data.validation", source, features, outputs, job)));
        LossChecks.checkMetrics(job, outputs);
        checkBatches(job, model, ranks, trainInfo);
        Optimizers.checkGroups(job.optimizer(), model.parameterShapes());
        Optimizers.checkRates(job, ranks, stepsPerEpoch(job, ranks, trainInfo));
        Fit fit = checkMemory(MemoryEstimate.of(job, ranks, trainInfo, evaluated),
                MemoryEstimate.checkpointBytes(job, features), budget);
        checkHeap(job, ranks, trainInfo, evaluated, heapBytes);
        return new TrainingData(train, test, validation, fit.featuresOnHost, fit.deviceBytes, outputs);
    }

    private static void checkEnough(DatasetSource train, DatasetInfo info, int ranks) {
        if (info.samples() < ranks) {
            throw new InvalidInputException("data.train: " + train.description() + " holds " + info.samples()
                    + " samples, fewer than the " + ranks + " ranks; run fewer ranks or use more data");
        }
    }

    private static DatasetInfo checkSplit(String key, DatasetSource source, int features, int outputs, Job job) {
        DatasetInfo info = checkFeatures(key, source, features, job);
        LossChecks.checkTargets(job, key, source, info, outputs);
        return info;
    }

    private static int samplesPerRank(Job job, int ranks, DatasetInfo train) {
        return new DistributedSampler(train.samples(), ranks, 0, false, 0, job.train().dropLast()).samplesPerRank();
    }

    /** Steps in an epoch of {@code train}, the short last one included. */
    public static int stepsPerEpoch(Job job, int ranks, DatasetInfo train) {
        int perRank = samplesPerRank(job, ranks, train);
        int perStep = StepSamples.of(job, ranks, perRank).perStep;
        return (perRank - 1) / perStep + 1;
    }

    /** Of whole epochs; of the rest of an epoch that is resumed the trainer knows. */
    private static void checkBatches(Job job, Sequential model, int ranks, DatasetInfo train) {
        int perRank = samplesPerRank(job, ranks, train);
        int batch = Math.min(job.train().batchPerRank(ranks), perRank);
        checkBatch(model, ranks, batch);
        checkBatch(model, ranks, perRank % batch == 0 ? batch : perRank % batch);
    }

    /**
     * Holds the samples of a rank's batch in training against what the model needs.
     *
     * @throws InvalidInputException if they are too few
     */
    static void checkBatch(Sequential model, int ranks, int samples) {
        int least = model.smallestBatch(ranks);
        if (samples < least) {
            throw new InvalidInputException("train.batch-size: a batch of " + samples + " on each of " + ranks
                    + (ranks == 1 ? " rank" : " ranks") + ", perhaps the last of an epoch, has fewer samples than the "
                    + least + " that " + CustomModules.needing(model, ranks, least).map(custom -> custom.where()
                            + " needs; choose another batch-size or number of ranks").orElse("the model's batch-norm"
                            + " needs; choose another batch-size, number of ranks or layer-norm"));
        }
    }

    /**
     * What a rank trains on in a full step.
     *
     * @param batch   samples of a micro-batch; the last of a step has what remains
     * @param perStep of all its micro-batches
     */
    public record StepSamples(int batch, int perStep) {
        /** A rank with fewer samples than a batch or a step has takes all of them. */
        static StepSamples of(Job job, int ranks, int samplesPerRank) {
            int batch = Math.min(job.train().batchPerRank(ranks), samplesPerRank);
            return new StepSamples(batch, (int) Math.min((long) batch * job.train().accumulate(), samplesPerRank));
        }
    }

    /** The same for work that uses the job's model on matrices of its own, and of its data only the size. */
    public static StepSamples checkWithoutLoading(Job job, int ranks, MemoryBudget budget) {
        checkPrecision(job);
        DatasetSource train = DataSources.training(job);
        DatasetInfo info = train.info();
        checkEnough(train, info, ranks);
        StepSamples samples = StepSamples.of(job, ranks, samplesPerRank(job, ranks, info));
        DatasetInfo oneBatchEach = new DatasetInfo((int) Math.min((long) samples.batch * ranks, Integer.MAX_VALUE),
                Models.inputFeatures(job.model()).orElse(info.features()), 0);
        checkMemory(MemoryEstimate.of(job, ranks, oneBatchEach, List.of()), BigInteger.ZERO, budget);
        return samples;
    }

    /**
     * The same for the evaluation of the job's model on one of its data sets.
     *
     * @param key      {@code data.train}, {@code data.test} or {@code data.validation}
     * @param encoding that the checkpoint's training data had, if that was of CSV files
     */
    public static EvaluationData checkEvaluation(Job job, String key, Optional<CsvEncoding> encoding, int ranks,
            MemoryBudget budget) {
        checkPrecision(job);
        Optional<DataSource> config = switch (key) {
            case "data.train" -> Optional.of(job.data().train());
            case "data.test" -> job.data().test();
            default -> job.data().validation();
        };
        DatasetSource source = DataSources.source(config.orElseThrow(() -> new InvalidInputException("the job has no " + key
                + "; give it one with --set, or choose --split train")), () -> encoding.orElseThrow(() ->
                        new InvalidInputException(key + " is of CSV files, but the checkpoint's training data was not, so"
                                + " that nothing says how to read them; choose other data")));
        int features = Models.inputFeatures(job.model()).orElseGet(() -> source.info().features());
        DatasetInfo info = checkFeatures(key, source, features, job);
        int outputs = Models.build(job.model(), features).outputFeatures(features);
        LossChecks.checkTargets(job, key, source, info, outputs);
        LossChecks.checkMetrics(job, outputs);
        Fit fit = checkMemory(MemoryEstimate.ofEvaluation(job, ranks, info), BigInteger.ZERO, budget);
        return new EvaluationData(key, source, fit.featuresOnHost, outputs);
    }

    private static void checkPrecision(Job job) {
        if (job.device() == DeviceChoice.CPU && job.precision() != Precision.FP32) {
            throw new InvalidInputException("precision: " + job.precision().name().toLowerCase(Locale.ROOT)
                    + " needs a GPU, and the CPU backend computes in fp32; set precision to fp32");
        }
    }

    private static DatasetInfo checkFeatures(String key, DatasetSource source, int features, Job job) {
        DatasetInfo info = source.info();
        if (info.features() != features) {
            throw new InvalidInputException(key + ": " + source.description() + " has " + info.features()
                    + " features a sample" + source.encoding().map(encoding -> " (" + encoding.summary() + ")").orElse("")
                    + ", but " + (Models.inputFeatures(job.model()).isPresent()
                            ? "the model's first linear layer takes " + features + "; set its in to " + info.features()
                            : "data.train has " + features + "; both need as many"));
        }
        return info;
    }

    /**
     * @param featuresOnHost whether the data's features must stay on the host's side, as they do not fit beside the rest
     * @param deviceBytes    what a rank will take of its device's memory
     */
    private record Fit(boolean featuresOnHost, long deviceBytes) {
    }

    /** @param forCheckpoints on one of the ranks here, perhaps */
    private static Fit checkMemory(MemoryEstimate perRank, BigInteger forCheckpoints, MemoryBudget budget) {
        if (budget.gpu().isEmpty()) {
            checkMemory(perRank, perRank.total(), forCheckpoints, budget.ranksHere(), "this machine", budget.hostBytes());
            return new Fit(false, perRank.arrays().longValue());
        }
        MemoryBudget.Gpu gpu = budget.gpu().get();
        BigInteger overhead = BigInteger.valueOf(gpu.overheadBytes());
        boolean fits = fits(all(perRank.onGpu(true).add(overhead), gpu.ranks()), gpu.freeBytes());
        BigInteger onGpu = perRank.onGpu(fits).add(overhead);
        checkMemory(perRank, onGpu, BigInteger.ZERO, gpu.ranks(), gpu.name(), gpu.freeBytes());
        BigInteger onHost = BigInteger.valueOf(MemoryEstimate.BASE_BYTES)
                .add(fits ? BigInteger.ZERO : perRank.data());
        checkMemory(perRank, onHost, forCheckpoints, budget.ranksHere(), "this machine", budget.hostBytes());
        return new Fit(!fits, onGpu.longValue());
    }

    private static BigInteger all(BigInteger perRank, int ranks) {
        return perRank.multiply(BigInteger.valueOf(ranks));
    }

    private static boolean fits(BigInteger needed, long availableBytes) {
        return needed.compareTo(BigInteger.valueOf(availableBytes)) <= 0;
    }

    private static void checkMemory(MemoryEstimate estimate, BigInteger perRank, BigInteger forCheckpoints, int ranks,
            String where, long availableBytes) {
        BigInteger needed = all(perRank, ranks).add(forCheckpoints);
        if (!fits(needed, availableBytes)) {
            throw new InvalidInputException("not enough memory: the job needs " + estimate.describe(perRank)
                    + " on each of " + ranks + (ranks == 1 ? " rank" : " ranks") + " of " + where + ", "
                    + MemoryEstimate.gibibytes(needed) + " in all"
                    + (forCheckpoints.signum() == 0 ? "" : " with the copy that checkpoints are written from") + ", and "
                    + MemoryEstimate.gibibytes(BigInteger.valueOf(availableBytes))
                    + " are available; make the model, the batch or the number of ranks here smaller");
        }
    }

    /** The order of the samples is kept in the Java heap, whose limit is not the machine's. */
    private static void checkHeap(Job job, int ranks, DatasetInfo train, List<DatasetInfo> evaluated, long heapBytes) {
        long shuffled = job.train().shuffle() ? train.samples() : 0;
        long dealtOut = (train.samples() + evaluated.stream().mapToLong(DatasetInfo::samples).sum()) / ranks;
        long needed = (shuffled + dealtOut) * Integer.BYTES;
        // An array has to fit into one generation of the heap.
        if (needed > heapBytes / 2) {
            long gibibytes = 2 * needed / (1 << 30) + 2;
            throw new InvalidInputException("not enough memory in Java's heap: the order of " + train.samples()
                    + " samples needs " + MemoryEstimate.gibibytes(BigInteger.valueOf(needed)) + ", and "
                    + MemoryEstimate.gibibytes(BigInteger.valueOf(heapBytes / 2)) + " are available; set the"
                    + " environment variable LOCKSTEP_JAVA_OPTS to -Xmx" + gibibytes + "g");
        }
    }
}

package dev.lockstep.train;

import dev.lockstep.data.DatasetInfo;
import dev.lockstep.job.Job;
import dev.lockstep.job.OptimizerConfig;
import dev.lockstep.job.Precision;
import dev.lockstep.nn.ActivationMemory;
import dev.lockstep.nn.Sequential;
import dev.lockstep.tensor.ParameterArena;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;

/**
 * The memory a rank will ask its device for, known before any of it is taken. Exact arithmetic: the sizes in a job file
 * may be absurd.
 *
 * @param parameters  parameter and gradient arenas, the optimizer's state and the model's buffers
 * @param activations of the largest batch, for training and for evaluation
 * @param data        the resident data sets
 * @param masks       a GPU's beside them: a bit for each output of a ReLU that is bound into a linear layer
 * @param prefetched  the batches that are fetched ahead where the data is not resident
 */
record MemoryEstimate(BigInteger parameters, BigInteger activations, BigInteger data, BigInteger masks,
        BigInteger prefetched) {
    /** What the program needs beside its arrays: virtual machine, libraries, MPI. */
    static final long BASE_BYTES = 200L << 20;
    /** A sample's index in the loader and its loss; of a class, its label and whether it is classified correctly. */
    private static final long SCALARS_PER_SAMPLE = 2;
    private static final int SCALARS_PER_CLASSIFICATION = 2;

    /** Of a model: elements of an arena, bytes of its buffers, and what binding it takes. */
    private record Sizes(BigInteger arenaElements, long bufferBytes, ActivationMemory memory) {
        static Sizes of(Job job, int features) {
            Sequential model = Models.build(job.model(), features);
            BigInteger elements = model.parameterShapes().stream()
                    .map(shape -> BigInteger.valueOf(ParameterArena.aligned(shape.elementCount())))
                    .reduce(BigInteger.ZERO, BigInteger::add);
            long bufferBytes = model.bufferShapes().stream()
                    .mapToLong(shape -> (long) shape.elementCount() * shape.type().bytes()).sum();
            return new Sizes(elements, bufferBytes, model.activationMemory(features));
        }

        BigInteger masks(BigInteger samples) {
            return samples.multiply(BigInteger.valueOf(memory.maskBytes()));
        }
    }

    /** @throws dev.lockstep.InvalidInputException if the ranks do not divide the global batch */
    static MemoryEstimate of(Job job, int ranks, DatasetInfo train, List<DatasetInfo> evaluated) {
        int batch = job.train().batchPerRank(ranks);
        Sizes sizes = Sizes.of(job, train.features());
        ActivationMemory memory = sizes.memory;
        BigInteger floats = floats(train, ranks, batch, memory.trainingElements());
        long fixedBytes = memory.fixedBytes();
        BigInteger samples = samples(train, ranks, batch);
        BigInteger data = BigInteger.valueOf(train.residentBytes());
        for (DatasetInfo split : evaluated) {
            floats = floats.add(floats(split, ranks, batch, memory.evaluationElements()));
            fixedBytes += memory.fixedBytes();
            samples = samples.add(samples(split, ranks, batch));
            data = data.add(BigInteger.valueOf(split.residentBytes()));
        }
        return new MemoryEstimate(parameters(job, sizes, keptArenas(job) + 1),
                activations(job, floats).add(BigInteger.valueOf(fixedBytes)), data, sizes.masks(samples),
                activations(job, samples.multiply(BigInteger.valueOf(train.features()))));
    }

    /** Without gradients and optimizer. */
    static MemoryEstimate ofEvaluation(Job job, int ranks, DatasetInfo data) {
        Sizes sizes = Sizes.of(job, data.features());
        int batch = evaluationBatch(job, ranks);
        BigInteger samples = samples(data, ranks, batch);
        return new MemoryEstimate(parameters(job, sizes, 1),
                activations(job, floats(data, ranks, batch, sizes.memory.evaluationElements()))
                        .add(BigInteger.valueOf(sizes.memory.fixedBytes())),
                BigInteger.valueOf(data.residentBytes()), sizes.masks(samples),
                activations(job, samples.multiply(BigInteger.valueOf(data.features()))));
    }

    /** Samples a rank in a step of evaluation alone, where nobody minds what the ranks make of the global batch. */
    static int evaluationBatch(Job job, int ranks) {
        return job.train().batchSize().orElseGet(() -> {
            long batches = (long) ranks * job.train().accumulate();
            return (int) ((job.train().globalBatch().getAsInt() - 1) / batches + 1);
        });
    }

    /** What rank 0 has in its host's memory beside it: the copy of the state that checkpoints are written from. */
    static BigInteger checkpointBytes(Job job, int features) {
        Sizes sizes = Sizes.of(job, features);
        return sizes.arenaElements.multiply(BigInteger.valueOf((long) keptArenas(job) * Float.BYTES))
                .add(BigInteger.valueOf(sizes.bufferBytes));
    }

    /** The parameters' and the optimizer's. */
    private static int keptArenas(Job job) {
        if (job.optimizer() instanceof OptimizerConfig.Adam) {
            return 3;
        }
        return job.optimizer() instanceof OptimizerConfig.Sgd sgd && sgd.momentum() != 0 ? 2 : 1;
    }

    private static BigInteger parameters(Job job, Sizes sizes, int arenas) {
        long converted = halves(job) ? Float.BYTES / 2 : 0;
        return sizes.arenaElements.multiply(BigInteger.valueOf((long) arenas * Float.BYTES + converted))
                .add(BigInteger.valueOf(sizes.bufferBytes));
    }

    private static BigInteger activations(Job job, BigInteger elements) {
        return elements.multiply(BigInteger.valueOf(halves(job) ? Float.BYTES / 2 : Float.BYTES));
    }

    private static boolean halves(Job job) {
        return job.precision() == Precision.BF16;
    }

    /** Of the arrays on a GPU. */
    BigInteger onGpu(boolean dataIsResident) {
        return parameters.add(activations).add(masks).add(dataIsResident ? data : prefetched);
    }

    /** Of the largest batch that a rank gets; training keeps each layer's output and the gradient of it. */
    private static BigInteger floats(DatasetInfo info, int ranks, int batch, long layerFloatsPerSample) {
        return samples(info, ranks, batch)
                .multiply(BigInteger.valueOf(info.features() + layerFloatsPerSample + SCALARS_PER_SAMPLE
                        + info.outputs().orElse(SCALARS_PER_CLASSIFICATION)));
    }

    /** In the largest batch. */
    private static BigInteger samples(DatasetInfo info, int ranks, int batch) {
        long samplesPerRank = (info.samples() - 1L) / ranks + 1;
        return BigInteger.valueOf(Math.min(batch, samplesPerRank));
    }

    /** Of the arrays. */
    BigInteger arrays() {
        return parameters.add(activations).add(data);
    }

    /** Of a rank that has all in the machine's memory. */
    BigInteger total() {
        return arrays().add(BigInteger.valueOf(BASE_BYTES));
    }

    /** As {@code total} is made up. */
    String describe(BigInteger total) {
        return gibibytes(total) + " (parameters " + gibibytes(parameters) + ", activations "
                + gibibytes(activations) + ", data " + gibibytes(data) + ")";
    }

    static String gibibytes(BigInteger bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes.doubleValue() / (1L << 30));
    }
}

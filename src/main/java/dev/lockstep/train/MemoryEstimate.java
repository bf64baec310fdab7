package dev.lockstep.train;

import dev.lockstep.data.DatasetInfo;
import dev.lockstep.job.Job;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.job.OptimizerConfig;
import dev.lockstep.job.Precision;
import dev.lockstep.tensor.ParameterArena;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The memory a rank will ask its device for, known before any of it is taken. Exact arithmetic: the sizes in a job file
 * may be absurd.
 *
 * @param parameters  parameter and gradient arenas and the optimizer's state
 * @param activations of the largest batch, for training and for evaluation
 * @param data        the resident data sets
 */
record MemoryEstimate(BigInteger parameters, BigInteger activations, BigInteger data) {
    /** What the program needs beside its arrays: virtual machine, libraries, MPI. */
    static final long BASE_BYTES = 200L << 20;
    /** A sample's index and label in the loader, its loss and whether it is classified correctly. */
    private static final long SCALARS_PER_SAMPLE = 4;

    /** @throws dev.lockstep.InvalidInputException if the ranks do not divide the global batch */
    static MemoryEstimate of(Job job, int ranks, DatasetInfo train, Optional<DatasetInfo> test) {
        int batch = job.train().batchPerRank(ranks);
        List<LayerConfig> model = job.model();
        BigInteger elements = BigInteger.ZERO;
        long outputs = 0; // of all layers, a sample
        int width = train.features();
        for (int i = 0; i < model.size(); i++) {
            if (model.get(i) instanceof LayerConfig.LinearLayer linear) {
                width = linear.out();
                elements = elements.add(BigInteger.valueOf(ParameterArena.aligned((long) linear.in() * width)))
                        .add(BigInteger.valueOf(ParameterArena.aligned(width)));
            }
            outputs += isFused(model, i) ? 0 : width;
        }
        BigInteger floats = floats(train, ranks, batch, 2 * outputs);
        if (test.isPresent()) {
            floats = floats.add(floats(test.get(), ranks, batch, outputs));
        }
        int arenas = job.optimizer() instanceof OptimizerConfig.Sgd sgd && sgd.momentum() != 0 ? 3 : 2;
        boolean halves = job.precision() == Precision.BF16;
        long bytesPerParameter = (long) arenas * Float.BYTES + (halves ? Float.BYTES / 2 : 0);
        BigInteger data = BigInteger.valueOf(train.residentBytes())
                .add(BigInteger.valueOf(test.map(DatasetInfo::residentBytes).orElse(0L)));
        return new MemoryEstimate(elements.multiply(BigInteger.valueOf(bytesPerParameter)),
                floats.multiply(BigInteger.valueOf(halves ? Float.BYTES / 2 : Float.BYTES)), data);
    }

    /** Without the data. */
    BigInteger withoutData() {
        return parameters.add(activations);
    }

    /** Whether the layer is an activation that Sequential binds into the linear layer before it. */
    private static boolean isFused(List<LayerConfig> model, int layer) {
        return model.get(layer) instanceof LayerConfig.ActivationLayer activation
                && Models.activation(activation.kind()).derivativeFromOutput()
                && layer > 0 && model.get(layer - 1) instanceof LayerConfig.LinearLayer
                && layer + 1 < model.size() && model.get(layer + 1) instanceof LayerConfig.LinearLayer;
    }

    /** Of the largest batch that a rank gets; training keeps each layer's output and the gradient of it. */
    private static BigInteger floats(DatasetInfo info, int ranks, int batch, long layerFloatsPerSample) {
        long samplesPerRank = (info.samples() - 1L) / ranks + 1;
        return BigInteger.valueOf(Math.min(batch, samplesPerRank))
                .multiply(BigInteger.valueOf(info.features() + layerFloatsPerSample + SCALARS_PER_SAMPLE));
    }

    /** Of the arrays. */
    BigInteger arrays() {
        return withoutData().add(data);
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

package dev.lockstep.train;

import dev.lockstep.job.Job;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.job.OptimizerConfig;
import dev.lockstep.tensor.ParameterArena;
import java.math.BigInteger;
import java.util.Locale;

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

    static MemoryEstimate of(Job job, int batchPerRank, long dataBytes) {
        BigInteger elements = BigInteger.ZERO;
        BigInteger features = BigInteger.ZERO;
        BigInteger width = BigInteger.ZERO;
        for (LayerConfig layer : job.model()) {
            if (layer instanceof LayerConfig.LinearLayer linear) {
                BigInteger out = BigInteger.valueOf(linear.out());
                BigInteger in = BigInteger.valueOf(linear.in());
                elements = elements.add(in.multiply(out)).add(out)
                        .add(BigInteger.valueOf(2L * ParameterArena.ALIGNMENT_ELEMENTS));
                width = out;
                if (features.signum() == 0) {
                    features = in;
                }
            }
            features = features.add(width);
        }
        // Outputs and their gradients for training, outputs again for evaluation; the batch itself twice.
        BigInteger activations = features.multiply(BigInteger.valueOf(3L * batchPerRank * Float.BYTES));
        int arenas = job.optimizer() instanceof OptimizerConfig.Sgd sgd && sgd.momentum() != 0 ? 3 : 2;
        return new MemoryEstimate(elements.multiply(BigInteger.valueOf((long) arenas * Float.BYTES)), activations,
                BigInteger.valueOf(dataBytes));
    }

    BigInteger total() {
        return parameters.add(activations).add(data).add(BigInteger.valueOf(BASE_BYTES));
    }

    @Override
    public String toString() {
        return gibibytes(total()) + " (parameters " + gibibytes(parameters) + ", activations "
                + gibibytes(activations) + ", data " + gibibytes(data) + ")";
    }

    static String gibibytes(BigInteger bytes) {
        return String.format(Locale.ROOT, "%.2f GiB", bytes.doubleValue() / (1L << 30));
    }
}

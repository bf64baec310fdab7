package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.DatasetInfo;
import dev.lockstep.data.DatasetSource;
import dev.lockstep.data.IdxSource;
import dev.lockstep.data.SyntheticSource;
import dev.lockstep.job.DataSource;
import dev.lockstep.job.DeviceChoice;
import dev.lockstep.job.Job;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.job.Precision;
import java.math.BigInteger;
import java.util.List;
import java.util.Optional;

/**
 * Holds a job against its data, the ranks and the machine before anything large is allocated. Each check throws
 * InvalidInputException.
 */
public final class JobChecks {
    /** One reduction is one MPI call on one host view: MPI counts in int, and a view ends at 2 GiB. */
    private static final long LARGEST_CHUNK_BYTES = 1L << 30;

    private JobChecks() {
    }

    /**
     * The job's data sources, their headers read and held against the model.
     *
     * @param ranks         of the job
     * @param ranksHere     of them on this machine
     * @param availableBytes memory that they can have between them
     */
    public static TrainingData check(Job job, int ranks, int ranksHere, long availableBytes) {
        if (job.device() == DeviceChoice.CUDA) {
            throw new InvalidInputException("device: cuda is asked for, but this build has no CUDA backend; "
                    + "set device to auto or cpu");
        }
        if (job.precision() != Precision.FP32) {
            throw new InvalidInputException("precision: " + job.precision().name().toLowerCase(java.util.Locale.ROOT)
                    + " needs a GPU; the CPU backend computes in fp32");
        }
        int batch = job.train().batchPerRank(ranks);
        if (job.distributed().chunkBytes() > LARGEST_CHUNK_BYTES) {
            throw new InvalidInputException("distributed.chunk: " + job.distributed().chunkBytes()
                    + " bytes is more than one reduction takes; use at most 1GiB");
        }
        DatasetSource train = source(job.data().train());
        Optional<DatasetSource> test = job.data().test().map(JobChecks::source);
        int features = firstLinear(job.model()).in();
        long dataBytes = checkFeatures("data.train", train, features).residentBytes();
        if (train.info().samples() < ranks) {
            throw new InvalidInputException("data.train: " + train.description() + " holds " + train.info().samples()
                    + " samples, fewer than the " + ranks + " ranks; run fewer ranks or use more data");
        }
        if (test.isPresent()) {
            dataBytes += checkFeatures("data.test", test.get(), features).residentBytes();
        }
        checkMemory(MemoryEstimate.of(job, batch, dataBytes), ranksHere, availableBytes);
        return new TrainingData(train, test, classes(job.model()));
    }

    private static DatasetInfo checkFeatures(String key, DatasetSource source, int features) {
        DatasetInfo info = source.info();
        if (info.features() != features) {
            throw new InvalidInputException(key + ": " + source.description() + " has " + info.features()
                    + " features a sample, but the model's first linear layer takes " + features
                    + "; set its in to " + info.features());
        }
        return info;
    }

    private static void checkMemory(MemoryEstimate perRank, int ranksHere, long availableBytes) {
        BigInteger needed = perRank.total().multiply(BigInteger.valueOf(ranksHere));
        if (needed.compareTo(BigInteger.valueOf(availableBytes)) > 0) {
            throw new InvalidInputException("not enough memory: the job needs " + perRank + " on each of "
                    + ranksHere + (ranksHere == 1 ? " rank" : " ranks") + " of this machine, "
                    + MemoryEstimate.gibibytes(needed) + " in all, and "
                    + MemoryEstimate.gibibytes(BigInteger.valueOf(availableBytes))
                    + " are available; make the model, the batch or the number of ranks here smaller");
        }
    }

    private static DatasetSource source(DataSource source) {
        if (source instanceof DataSource.Idx idx) {
            return new IdxSource(idx.images(), idx.labels());
        }
        if (source instanceof DataSource.Synthetic synthetic) {
            return new SyntheticSource(synthetic.samples(), synthetic.features(), synthetic.classes(),
                    synthetic.seed());
        }
        throw new IllegalStateException("a data source without a reader: " + source);
    }

    private static LayerConfig.LinearLayer firstLinear(List<LayerConfig> model) {
        return linears(model).get(0);
    }

    private static int classes(List<LayerConfig> model) {
        List<LayerConfig.LinearLayer> linears = linears(model);
        return linears.get(linears.size() - 1).out();
    }

    /** At least one: the job file was checked for it. */
    private static List<LayerConfig.LinearLayer> linears(List<LayerConfig> model) {
        return model.stream().filter(LayerConfig.LinearLayer.class::isInstance)
                .map(LayerConfig.LinearLayer.class::cast).toList();
    }
}

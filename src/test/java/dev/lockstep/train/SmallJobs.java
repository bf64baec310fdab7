package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.DatasetInfo;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Jobs that are trained in no time, and what is needed to train them. */
public final class SmallJobs {
    static final long PLENTY_BYTES = 1L << 40;

    private static final String YAML = """
            name: small
            data:
              train: {format: synthetic, samples: 50, features: 6, classes: 3}
            model:
              - linear: {in: 6, out: 5}
              - relu
              - linear: {in: 5, out: 3}
            optimizer:
              sgd: {lr: 0.1, momentum: 0.9}
            train:
              epochs: 2
              batch-size: 8
            """;

    private SmallJobs() {}

    /** The small job with keys set as by {@code --set}. */
    public static Job job(String... sets) {
        return job(List.of(sets));
    }

    static Job job(List<String> sets) {
        return JobFile.parse(YAML, Path.of("").toAbsolutePath(), "small.yaml", sets);
    }

    static TrainingData sources(Job job, int ranks) {
        return JobChecks.check(job, ranks, MemoryBudget.ofHost(ranks, PLENTY_BYTES), PLENTY_BYTES);
    }

    public static Trainer trainer(Job job, Device device, Communicator communicator, TrainingListener listener) {
        return new Trainer("test", job, sources(job, communicator.size()).load(device), device, communicator, listener);
    }

    static MemoryEstimate memory(Job job, int ranks) {
        TrainingData data = sources(job, ranks);
        DatasetInfo train = data.train().info();
        List<DatasetInfo> evaluated = Stream.of(data.test(), data.validation()).flatMap(Optional::stream)
                .map(source -> source.info()).toList();
        return MemoryEstimate.of(job, ranks, train, evaluated);
    }
}

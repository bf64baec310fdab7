package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.train.CustomModules;
import dev.lockstep.train.JobChecks;
import dev.lockstep.train.MemoryBudget;
import dev.lockstep.train.TrainingData;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What every command that works on a job file takes. */
final class JobOptions {
    @Parameters(paramLabel = "JOB.yaml", description = "The job file.")
    private Path file;

    @Option(names = "--set", paramLabel = "KEY=VALUE",
            description = "Set a key of the job file, as train.epochs=1; the value is YAML. May be repeated.")
    private List<String> sets = List.of();

    /** Null until it is read. */
    private Job job;

    Path file() {
        return file;
    }

    /** The job's, before the ranks have come together; where it cannot be read, as {@link #load} will say, the default. */
    Duration timeout() {
        try {
            job = JobFile.load(file, sets);
            return job.timeout();
        } catch (InvalidInputException e) {
            return StartWatch.TIMEOUT;
        }
    }

    /**
     * The job with its settings; from now on the ranks watch each other, and its timeout holds. Collective.
     *
     * @param more settings, after the user's
     */
    Job load(Communicator communicator, Failure failure, String... more) {
        Job loaded = Agreement.onAllRanks(communicator, () -> job != null && more.length == 0 ? job
                : JobFile.load(file, Stream.concat(sets.stream(), Stream.of(more)).toList()));
        RankWatch.start(communicator, loaded.timeout(), failure);
        return loaded;
    }

    /** Holds the job against its data, these ranks and their memory, and custom modules to their contract. Collective. */
    static TrainingData check(Job job, Communicator communicator, MemoryBudget budget) {
        return Agreement.onAllRanks(communicator, () -> {
            TrainingData data = JobChecks.check(job, communicator.size(), budget, Runtime.getRuntime().maxMemory());
            if (CustomModules.in(job)) {
                try (Device device = new CpuDevice(1)) {
                    CustomModules.check(job, data.train().info().features(), device);
                }
            }
            return data;
        });
    }
}

package dev.lockstep.cli;

import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.testing.RankThreads;
import dev.lockstep.train.MemoryBudget;
import dev.lockstep.train.RunFolder;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingData;
import dev.lockstep.train.TrainingRun;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A job trained in the tests' own process, on the CPU, by threads as ranks: what runs of the program are held against. */
final class LocalRun {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long PLENTY_BYTES = 1L << 40;

    private LocalRun() {}

    /** Trains the job of {@code file} with keys set as by {@code --set}; {@code output}, new or empty, gets metrics and checkpoints. */
    static void train(int ranks, Path file, Path output, String... sets) {
        Job job = JobFile.load(file, List.of(sets));
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                TrainingData data = JobOptions.check(job, communicator, MemoryBudget.ofHost(ranks, PLENTY_BYTES));
                Listeners listeners = new Listeners();
                Trainer trainer = new Trainer("test", job, data.load(device), device, communicator, listeners);
                Optional<RunFolder> folder = communicator.rank() == 0
                        ? Optional.of(RunFolder.create(job, Optional.of(output), Map.of())) : Optional.empty();
                folder.ifPresent(listeners::add);
                new TrainingRun(job, trainer, communicator, listeners, folder.map(RunFolder::checkpoints), () -> false).run();
                folder.ifPresent(RunFolder::close);
            }
        });
    }
}

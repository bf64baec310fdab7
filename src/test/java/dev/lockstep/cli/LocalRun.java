package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
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
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A job trained in the tests' own process, on the CPU, by threads as ranks: what runs of the program are held against. */
final class LocalRun {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long PLENTY_BYTES = 1L << 40;

    private LocalRun() {}

    /** Trains the job with keys set as by {@code --set}; {@code output}, new or empty, gets metrics and checkpoints. */
    static void train(int ranks, Path file, Path output, String... sets) {
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                Job job = job(communicator, file, sets);
                Listeners listeners = new Listeners();
                Trainer trainer = new Trainer("test", job, data(job, communicator, device), device, communicator,
                        listeners);
                Optional<RunFolder> folder = communicator.rank() == 0
                        ? Optional.of(RunFolder.create(job, Optional.of(output), Map.of())) : Optional.empty();
                folder.ifPresent(listeners::add);
                new TrainingRun(job, trainer, communicator, listeners, folder.map(RunFolder::checkpoints), () -> false)
                        .run();
                folder.ifPresent(RunFolder::close);
            }
        });
    }

    /** The line that all ranks refuse this job with. How it is told, and that all end, does not depend on what it is. */
    static String refusal(int ranks, Path file, String... sets) {
        Set<String> lines = ConcurrentHashMap.newKeySet();
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                InvalidInputException refusal = assertThrows(InvalidInputException.class,
                        () -> data(job(communicator, file, sets), communicator, device));
                lines.add(Failure.line(refusal, ranks, communicator.rank(), ""));
            }
        });
        assertEquals(1, lines.size(), lines::toString);
        return lines.iterator().next();
    }

    private static Job job(Communicator communicator, Path file, String... sets) {
        return Agreement.onAllRanks(communicator, () -> JobFile.load(file, List.of(sets)));
    }

    private static TrainingData.Loaded data(Job job, Communicator communicator, Device device) {
        MemoryBudget budget = MemoryBudget.ofHost(communicator.size(), PLENTY_BYTES);
        TrainingData data = JobOptions.check(job, communicator, budget);
        return Agreement.onAllRanks(communicator, () -> data.load(device));
    }
}

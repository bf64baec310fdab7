package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.train.RunFolder;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingData;
import dev.lockstep.train.TrainingRun;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code lockstep train}. */
@Command(name = "train", mixinStandardHelpOptions = true, description = "Train the model of a job file.")
final class TrainCommand implements Callable<Integer> {
    private final CommandContext context;

    @Mixin
    private JobOptions jobOptions;

    @Option(names = "--output", paramLabel = "DIR",
            description = "Folder for the results, new or empty; else runs/NAME, or the next that is free.")
    private Path output;

    TrainCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::train);
    }

    private int train(Communicator communicator) {
        Job job = jobOptions.load(communicator, context.failure());
        Environment environment = Environment.detect(context.program(), context.launch(), communicator, Optional.of(job));
        RankDevice rankDevice = new RankDevice(environment, communicator);
        TrainingData sources = JobOptions.check(job, communicator, rankDevice.budget());
        // Not closed where training fails: the communication thread may still be inside MPI with its memory.
        Device device = rankDevice.open(job);
        TrainingData.Loaded data = Agreement.onAllRanks(communicator, () -> sources.load(device));
        Listeners listeners = new Listeners();
        Trainer trainer = new Trainer(context.program().identity(), job, data, device, communicator, listeners);
        // Last of all that may be refused, so that what cannot start leaves no folder behind.
        Optional<RunFolder> folder = Agreement.onAllRanks(communicator, () -> communicator.rank() == 0
                ? Optional.of(RunFolder.create(job, Optional.ofNullable(output), environment.toMap()))
                : Optional.empty());
        folder.ifPresent(run -> {
            new Announcement(System.out).print(job, environment, device, data, trainer, communicator.size(),
                    run.path());
            listeners.add(run);
            listeners.add(new ConsoleProgress(System.out, Terminal.isWatched(context.launch()), job.train().epochs(),
                    trainer.stepsPerEpoch(), (long) trainer.batchSize() * communicator.size(), System::nanoTime));
        });
        new TrainingRun(job, trainer, communicator, listeners, folder.map(RunFolder::checkpoints)).run();
        folder.ifPresent(run -> {
            run.close();
            System.out.println("results: " + run.path());
        });
        device.close();
        return 0;
    }
}

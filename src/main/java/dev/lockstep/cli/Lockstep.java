package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.train.RunFolder;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingData;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingRun;
import dev.lockstep.train.TrainingSummary;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Lockstep as a library: one rank of a program of the user's own, which every rank runs alike. Start it with
 * {@code mpirun -np 2 ./lockstep --class-path PATH run CLASS}.
 */
public final class Lockstep {
    private final CommandContext context;
    private final Communicator communicator;
    private boolean watched;

    private Lockstep(CommandContext context, Communicator communicator) {
        this.context = context;
        this.communicator = communicator;
    }

    /**
     * Runs {@code program} on this rank, together with the others. What it throws ends all ranks, with one line of one of
     * them, as an error of a command does. To be called once in a process.
     */
    public static void run(Consumer<Lockstep> program) {
        CommandContext context = CommandContext.ofThisProcess();
        context.failure().withRanks(context.program(), communicator -> {
            program.accept(new Lockstep(context, communicator));
            return 0;
        });
    }

    /** The ranks; every rank makes the same collective calls in the same order. */
    public Communicator communicator() {
        return communicator;
    }

    /** Prints on rank 0 alone, as {@link String#format(String, Object...)} would. */
    public void print(String format, Object... values) {
        if (communicator.rank() == 0) {
            System.out.println(String.format(Locale.ROOT, format, values));
        }
    }

    /**
     * A trainer for a loop of one's own: the job is checked, its data is loaded, and the ranks begin with the same initial
     * parameters, on the devices that the job asks for. Collective.
     *
     * @throws dev.lockstep.InvalidInputException for all that {@code lockstep train} refuses
     */
    public Trainer trainer(Job job) {
        return trainer(job, environment(job), new TrainingListener() { });
    }

    /**
     * Trains as {@code lockstep train --output} does: with metrics and checkpoints in a folder, which must be new or empty.
     * Collective.
     *
     * @throws dev.lockstep.InvalidInputException for all that {@code lockstep train} refuses
     */
    public TrainingSummary train(Job job, Path output) {
        Environment environment = environment(job);
        Listeners listeners = new Listeners();
        Trainer trainer = trainer(job, environment, listeners);
        Optional<RunFolder> folder = Agreement.onAllRanks(communicator, () -> communicator.rank() == 0
                ? Optional.of(RunFolder.create(job, Optional.of(output), environment.toMap())) : Optional.empty());
        folder.ifPresent(listeners::add);
        TrainingSummary summary = new TrainingRun(job, trainer, communicator, listeners,
                folder.map(RunFolder::checkpoints), () -> false).run().orElseThrow();
        folder.ifPresent(RunFolder::close);
        return summary;
    }

    private Environment environment(Job job) {
        if (!watched) {
            RankWatch.start(communicator, job.timeout(), context.failure());
            watched = true;
        }
        return Environment.detect(context.program(), context.launch(), communicator, Optional.of(job));
    }

    private Trainer trainer(Job job, Environment environment, TrainingListener listener) {
        RankDevice rankDevice = new RankDevice(environment, communicator);
        TrainingData sources = JobOptions.check(job, communicator, rankDevice.budget());
        Device device = rankDevice.open(job);
        TrainingData.Loaded data = Agreement.onAllRanks(communicator, () -> sources.load(device));
        return new Trainer(context.program().identity(), job, data, device, communicator, listener);
    }
}

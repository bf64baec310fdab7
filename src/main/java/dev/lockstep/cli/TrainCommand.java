package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.channel.Progress;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.train.Checkpoint;
import dev.lockstep.train.CheckpointState;
import dev.lockstep.train.EpochMetrics;
import dev.lockstep.train.Position;
import dev.lockstep.train.Preprocessing;
import dev.lockstep.train.Resumption;
import dev.lockstep.train.RunFolder;
import dev.lockstep.train.Trace;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingData;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingRun;
import dev.lockstep.train.TrainingSummary;
import dev.lockstep.train.Validation;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
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

    @Option(names = "--resume", description = "Go on from the newest whole checkpoint in --output DIR, else in runs/NAME; "
            + "from the start where there is none.")
    private boolean resume;

    @Option(names = "--init", paramLabel = "FILE", description = "Start from the parameters in a safetensors file; a "
            + "checkpoint that --resume finds comes first.")
    private Path init;

    @Option(names = "--trace", description = "Write when each operation of the last steps ran, on all ranks, to trace.json in "
            + "the results' folder, for Perfetto or chrome://tracing.")
    private boolean traced;

    private final Set<String> warned = new HashSet<>();

    TrainCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), jobOptions.timeout(), this::train);
    }

    /** What holds whichever checkpoint training goes on from. */
    private record Setup(Communicator communicator, Job job, Environment environment, RankDevice rankDevice,
            TrainingData sources, StopSignals stop) {
    }

    private interface Search {
        Resumption find(Path runFolder, Job job, int ranks, int trainSamples, Consumer<String> warnings);
    }

    private int train(Communicator communicator) {
        StopSignals stop = new StopSignals();
        Job job = jobOptions.load(communicator, context.failure());
        Environment environment = Environment.detect(context.program(), context.launch(), communicator, Optional.of(job));
        RankDevice rankDevice = new RankDevice(environment, communicator);
        TrainingData sources = JobOptions.check(job, communicator, rankDevice.budget());
        Setup setup = new Setup(communicator, job, environment, rankDevice, sources, stop);
        // A checkpoint is read once, into the model. Only where that shows damage, all are looked through beforehand.
        return train(setup, Resumption::findUnread, false).or(() -> train(setup, Resumption::find, true)).orElseThrow(
                () -> new InvalidInputException("--resume: a checkpoint that was whole was damaged when it was read again;"
                        + " see to the disk, then run again"));
    }

    /**
     * The exit status.
     *
     * @param whole whether checkpoints are known to be whole once they are found
     * @return empty, on every rank, where the checkpoint was to be looked at first
     */
    private Optional<Integer> train(Setup setup, Search search, boolean whole) {
        Communicator communicator = setup.communicator;
        Job job = setup.job;
        boolean first = communicator.rank() == 0;
        Optional<Resumption> resumption = Agreement.onAllRanks(communicator,
                () -> first && resume ? Optional.of(findCheckpoint(setup, search)) : Optional.empty());
        Optional<Checkpoint> checkpoint = resumption.flatMap(Resumption::checkpoint);
        Optional<CheckpointState> state = SharedCheckpoint.state(communicator, checkpoint);
        Position start = state.map(CheckpointState::position).orElse(Position.START);
        Optional<String> nothingLeft = nothingLeft(job, start);
        if (nothingLeft.isPresent()) {
            if (!whole) {
                return Optional.empty();
            }
            // Fewer epochs than were begun are no end that training came to.
            boolean ended = start.consumed() == 0 || start.epoch() <= job.train().epochs();
            boolean lacksSummary = ended
                    && Agreement.onRank0(communicator, () -> RunFolder.lacksSummary(folderToResume(job), start));
            if (first) {
                System.out.println("nothing is left to train" + (lacksSummary ? " but the last lines of metrics.jsonl" : "")
                        + ": " + nothingLeft.get());
            }
            if (!lacksSummary) {
                return Optional.of(0);
            }
        }
        // Not closed where training fails: the communication thread may still be inside MPI with its memory.
        Device device = setup.rankDevice.open(job);
        TrainingData.Loaded data = Agreement.onAllRanks(communicator, () -> setup.sources.load(device));
        Listeners listeners = new Listeners();
        Trainer trainer = new Trainer(context.program().identity(), job, data, device, communicator, listeners, start);
        if (!SharedCheckpoint.isRead(communicator, checkpoint, trainer)) {
            device.close();
            return Optional.empty();
        }
        boolean initialized = state.isEmpty() && init != null;
        Agreement.onAllRanks(communicator, () -> first && initialized && readInit(trainer));
        if (state.isPresent() || initialized) {
            trainer.replica().shareFromRank0(state.map(CheckpointState::optimizerSteps).orElse(0L));
        }
        // Last of all that may be refused, so that what cannot start leaves no folder behind.
        Optional<RunFolder> folder = Agreement.onAllRanks(communicator, () -> first
                ? Optional.of(openFolder(job, setup.environment, start)) : Optional.empty());
        folder.ifPresent(run -> {
            new Announcement(System.out).print(job, setup.environment, device, setup.sources, data, trainer, communicator.size(),
                    run.path());
            Validation.never(job, start, trainer.lastStep()).ifPresent(this::warn);
            resumption.ifPresent(found -> found.notices().forEach(notice -> System.out.println("resume    " + notice)));
            listeners.add(run);
            listeners.add(new ConsoleProgress(System.out, Terminal.isWatched(context.launch()), job.train().epochs(),
                    trainer.stepsPerEpoch(), (long) trainer.samplesPerStep() * communicator.size(), System::nanoTime));
        });
        List<EpochMetrics> before = EpochMetrics.parse(
                communicator.allGather(folder.map(RunFolder::epochsBefore).orElse(new byte[0])).get(0));
        Progress progress = context.failure().progress();
        progress.at(start.epoch(), start.step());
        listeners.add(new TrainingListener() {
            @Override
            public void stepDone(int epoch, long step, int stepOfEpoch, DoubleSupplier loss) {
                progress.at(epoch, step);
            }
        });
        Optional<Trace> trace = traced ? Optional.of(new Trace(communicator, Machine.hostName())) : Optional.empty();
        trace.ifPresent(trainer::traceInto);
        setup.stop.trainingBegins();
        Optional<TrainingSummary> summary = new TrainingRun(job, trainer, communicator, listeners,
                folder.map(RunFolder::checkpoints), setup.stop).run(before);
        trace.ifPresent(steps -> steps.write(folder.map(RunFolder::trace)));
        folder.ifPresent(run -> {
            run.close();
            System.out.println(summary.isPresent() ? "results: " + run.path() : "stopped on request after step "
                    + trainer.step() + ", with a checkpoint; run again with --resume --output " + run.path());
        });
        device.close();
        return Optional.of(summary.isPresent() ? 0 : Failure.STOPPED_ON_REQUEST);
    }

    /** Why, if so. */
    private static Optional<String> nothingLeft(Job job, Position start) {
        if (start.epoch() > job.train().epochs()) {
            return Optional.of((start.epoch() - 1) + " epochs are done, and train.epochs is " + job.train().epochs());
        }
        return Validation.hasEnded(job, start.validation()) ? Optional.of("early stopping has ended it after step "
                + start.step() + "; raise validation.early-stopping.patience, or leave early-stopping out, to go on")
                : Optional.empty();
    }

    private Path folderToResume(Job job) {
        return RunFolder.toResume(job, Optional.ofNullable(output));
    }

    private Resumption findCheckpoint(Setup setup, Search search) {
        Resumption found = search.find(folderToResume(setup.job), setup.job, setup.communicator.size(),
                setup.sources.train().info().samples(), this::warn);
        found.checkpoint().ifPresent(
                checkpoint -> Preprocessing.requireUnchanged(checkpoint, setup.sources.train().encoding()));
        return found;
    }

    /** Once of what both looks at the checkpoints find. */
    private void warn(String warning) {
        if (warned.add(warning)) {
            System.err.println("lockstep: warning: " + warning);
        }
    }

    private boolean readInit(Trainer trainer) {
        trainer.replica().readModel(init);
        return true;
    }

    private RunFolder openFolder(Job job, Environment environment, Position start) {
        return resume ? RunFolder.resume(folderToResume(job), job, environment.toMap(), start)
                : RunFolder.create(job, Optional.ofNullable(output), environment.toMap());
    }
}

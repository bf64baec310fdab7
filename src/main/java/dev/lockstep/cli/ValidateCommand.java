package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.train.JobChecks;
import dev.lockstep.train.TrainingData;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lockstep validate}. */
@Command(name = "validate", mixinStandardHelpOptions = true,
        description = "Check a job file and its data without training.")
final class ValidateCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "JOB.yaml", description = "The job file.")
    private Path jobFile;

    @Option(names = "--set", paramLabel = "KEY=VALUE",
            description = "Set a key of the job file, as train.epochs=1; the value is YAML. May be repeated.")
    private List<String> sets = List.of();

    ValidateCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::validate);
    }

    private int validate(Communicator communicator) {
        Job job = Agreement.onAllRanks(communicator, () -> JobFile.load(jobFile, sets));
        TrainingData sources = Agreement.onAllRanks(communicator, () -> JobChecks.check(job, communicator.size(),
                communicator.localSize(), AvailableMemory.bytes(Path.of("/")), Runtime.getRuntime().maxMemory()));
        try (Device device = new CpuDevice(1)) {
            TrainingData.Loaded data = Agreement.onAllRanks(communicator, () -> sources.load(device));
            if (communicator.rank() == 0) {
                PrintWriter out = spec.commandLine().getOut();
                out.printf(Locale.ROOT, "%s is valid for %d rank%s: %s; %,d training samples%s of %,d features%n",
                        jobFile, communicator.size(), communicator.size() == 1 ? "" : "s", job.name(),
                        data.train().samples(),
                        data.test().map(test -> String.format(Locale.ROOT, " and %,d test samples", test.samples()))
                                .orElse(""),
                        data.train().features().columns());
                out.flush();
            }
        }
        return 0;
    }
}

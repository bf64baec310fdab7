package dev.lockstep.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** {@code lockstep bench}. */
@Command(name = "bench", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "BENCHMARK",
        description = "Measure.")
final class BenchCommand {
    private BenchCommand() {
    }

    static CommandLine commandLine(CommandContext context) {
        return new CommandLine(new BenchCommand()).addSubcommand(new BenchGemmCommand(context))
                .addSubcommand(new BenchAllReduceCommand(context))
                .addSubcommand(new BenchUpdateCommand(context))
                .addSubcommand(new BenchStepCommand(context))
                .addSubcommand(new BenchOverlapCommand(context))
                .addSubcommand(new BenchCheckpointCommand(context))
                .addSubcommand(new BenchPredictCommand(context))
                .addSubcommand(new BenchScalingCommand(context))
                .addSubcommand(new BenchReportCommand(context));
    }
}

package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import java.io.OutputStream;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line. Each subcommand is a class of its own, added in {@link #commandLine}. */
@Command(name = "lockstep", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND",
        description = "Trains multilayer perceptrons data-parallel over MPI.",
        footer = {"", "./lockstep --class-path PATH COMMAND: with classes of your own, in jars and folders (or LOCKSTEP_CLASSPATH).",
                "Under mpirun and srun every rank runs the same command: mpirun -np 8 ./lockstep train JOB.yaml",
                "Exit status: 0 done, 1 failed while running, 2 wrong input, 75 stopped on request (USR1, TERM, INT) with a",
                "checkpoint: run again with --resume.",
                "LOCKSTEP_DEBUG=1 adds stack traces to errors."})
public final class Main {
    private Main() {
    }

    public static void main(String[] args) {
        System.exit(commandLine(CommandContext.ofThisProcess()).execute(args));
    }

    static CommandLine commandLine(CommandContext context) {
        CommandLine commandLine = new CommandLine(new Main());
        commandLine.addSubcommand(new TrainCommand(context));
        commandLine.addSubcommand(new ValidateCommand(context));
        commandLine.addSubcommand(new EvaluateCommand(context));
        commandLine.addSubcommand(new ExportCommand(context));
        commandLine.addSubcommand(new ReportCommand(context));
        commandLine.addSubcommand(BenchCommand.commandLine(context));
        commandLine.addSubcommand(new RunCommand());
        commandLine.addSubcommand(new InfoCommand(context));

        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        setVersion(commandLine, version(context.program()));
        commandLine.setParameterExceptionHandler(
                (exception, arguments) -> context.failure().end(invalidArguments(exception)));
        commandLine.setExecutionExceptionHandler((exception, command, parsed) -> context.failure().end(exception));
        if (context.launch().rank() != 0) {
            // Help and version are printed once.
            commandLine.setOut(new PrintWriter(OutputStream.nullOutputStream()));
        }
        return commandLine;
    }

    private static void setVersion(CommandLine commandLine, IVersionProvider version) {
        commandLine.getCommandSpec().versionProvider(version);
        commandLine.getSubcommands().values().forEach(subcommand -> setVersion(subcommand, version));
    }

    private static IVersionProvider version(Program program) {
        return () -> new String[] {"lockstep " + program.version() + " (commit " + program.commit() + ")"};
    }

    private static InvalidInputException invalidArguments(ParameterException exception) {
        CommandLine command = exception.getCommandLine();
        String what = exception.getMessage();
        if (exception instanceof UnmatchedArgumentException unmatched) {
            String kind = unmatched.isUnknownOption() ? "unknown option"
                    : command.getParent() == null ? "unknown command" : "unexpected argument";
            String word = unmatched.getUnmatched().get(0);
            if (word.startsWith("--class-path")) {
                return new InvalidInputException("--class-path stands before the command: ./lockstep --class-path PATH "
                        + command.getCommandName() + " …", exception);
            }
            what = kind + " '" + word + "'" + unmatched.getSuggestions().stream()
                    .filter(suggestion -> isNear(word, suggestion)).findFirst()
                    .map(suggestion -> "; did you mean " + suggestion + "?").orElse("");
        }
        return new InvalidInputException(what + "; see ./" + command.getCommandSpec().qualifiedName() + " --help",
                exception);
    }

    /** Picocli suggests something for every word; what begins otherwise was hardly meant. */
    private static boolean isNear(String word, String suggestion) {
        int letters = suggestion.startsWith("--") ? 4 : 2;
        return suggestion.regionMatches(0, word, 0, Math.min(letters, suggestion.length()));
    }
}

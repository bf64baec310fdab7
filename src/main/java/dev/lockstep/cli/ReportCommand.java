package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.report.RunReport;
import dev.lockstep.train.IoMessages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lockstep report}. */
@Command(name = "report", mixinStandardHelpOptions = true,
        description = "Curves and figures of training runs, side by side in one HTML file that needs no network.")
final class ReportCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", arity = "1..*",
            description = "Folders of runs, such as runs/NAME; also of one that is still running.")
    private List<Path> folders;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", defaultValue = "report.html",
            description = "The HTML file; one that exists is replaced. Default: ${DEFAULT-VALUE}.")
    private Path output;

    ReportCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        if (context.launch().rank() != 0) {
            return 0;
        }
        String html = RunReport.html(folders, OffsetDateTime.now().truncatedTo(ChronoUnit.SECONDS).toString());
        try {
            Files.writeString(output, html);
        } catch (IOException e) {
            throw new InvalidInputException(output + " cannot be written (" + IoMessages.of(e)
                    + "); name another file with --output", e);
        }
        spec.commandLine().getOut().println("report: " + output);
        return 0;
    }
}

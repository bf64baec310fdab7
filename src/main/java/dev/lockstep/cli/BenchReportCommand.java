package dev.lockstep.cli;

import dev.lockstep.bench.ScalingOutput;
import dev.lockstep.bench.ScalingResult;
import dev.lockstep.bench.ScalingText;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lockstep bench report}. */
@Command(name = "report", mixinStandardHelpOptions = true,
        description = "Make report.html and scaling.csv anew from the scaling.json that bench scaling has written.")
final class BenchReportCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "DIR", description = "The folder of results.")
    private Path folder;

    BenchReportCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        ScalingOutput output = new ScalingOutput(folder);
        ScalingResult result = output.read();
        output.write(result, context.program().commit());
        ScalingText.print(result, spec.commandLine().getOut());
        spec.commandLine().getOut().println("report: " + folder.resolve(ScalingOutput.REPORT_FILE)
                + ", of what was measured until " + result.finished());
        return 0;
    }
}

package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.train.Checkpoint;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lockstep export}. */
@Command(name = "export", mixinStandardHelpOptions = true,
        description = "Write a checkpoint's model as one file for other programs.")
final class ExportCommand implements Callable<Integer> {
    /** What can be written. */
    enum Format { SAFETENSORS }

    private final CommandContext context;

    @Parameters(paramLabel = "CHECKPOINT", description = "A checkpoint's folder; or a run's, for its newest checkpoint.")
    private Path path;

    @Option(names = "--to", required = true, paramLabel = "FORMAT", description = "safetensors.")
    private Format format;

    @Option(names = "--output", paramLabel = "FILE",
            description = "The file, which must not exist; else NAME-CHECKPOINT.safetensors here.")
    private Path output;

    ExportCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::export);
    }

    /** Rank 0 alone has something to do. */
    private int export(Communicator communicator) {
        Optional<Path> written = Agreement.onAllRanks(communicator, () -> communicator.rank() == 0
                ? Optional.of(Checkpoint.find(path, warning -> System.err.println("lockstep: warning: " + warning))
                        .exportModel(Optional.ofNullable(output), context.program().identity()))
                : Optional.empty());
        written.ifPresent(file -> System.out.println("exported: " + file));
        return 0;
    }
}

package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.CheckpointBenchmark;
import dev.lockstep.bench.CheckpointResult;
import dev.lockstep.bench.Json;
import dev.lockstep.comm.Communicator;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep bench checkpoint}. */
@Command(name = "checkpoint", mixinStandardHelpOptions = true,
        description = "Time a job's checkpoints beside plain files of their size, and its steps while one is written.")
final class BenchCheckpointCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Mixin
    private JobOptions jobOptions;

    @Option(names = "--folder", paramLabel = "DIR", defaultValue = ".",
            description = "On the disk to measure; a folder is made in it and removed. Default: the working folder.")
    private Path disk;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "16",
            description = "Steps to time in each turn, of the full batch; default ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--warmup", paramLabel = "N", defaultValue = "2",
            description = "Steps to train before these, in each turn; default ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(names = "--repeats", paramLabel = "N", defaultValue = "6",
            description = "Pairs of files and of turns; default ${DEFAULT-VALUE}.")
    private int repeats;

    @Option(names = "--json", description = "Print one JSON object, on one line.")
    private boolean json;

    BenchCheckpointCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::measure);
    }

    private int measure(Communicator communicator) {
        BenchStepCommand.checkCount("--steps", steps, 1);
        BenchStepCommand.checkCount("--warmup", warmUp, 0);
        BenchStepCommand.checkCount("--repeats", repeats, 1);
        BenchJob opened = BenchJob.open(context, jobOptions, communicator);
        BenchStepCommand.requireAgreement(communicator, steps, warmUp, repeats);
        Path folder = Agreement.onAllRanks(communicator, () -> communicator.rank() == 0 ? newFolder() : disk);
        try {
            CheckpointResult result = new CheckpointBenchmark(opened.job(), opened.trainer(), communicator, folder)
                    .run(repeats, warmUp, steps, opened.environment().toMap());
            if (communicator.rank() == 0) {
                PrintWriter out = spec.commandLine().getOut();
                if (json) {
                    out.println(Json.write(result));
                } else {
                    print(out, result);
                }
                out.flush();
            }
        } catch (IOException e) {
            throw new InvalidInputException(folder + " cannot be used (" + e + "); name another --folder", e);
        } finally {
            if (communicator.rank() == 0) {
                remove(folder);
            }
        }
        opened.device().close();
        return 0;
    }

    private Path newFolder() {
        try {
            return Files.createTempDirectory(disk, "lockstep-bench-checkpoint-");
        } catch (IOException e) {
            throw new InvalidInputException("--folder " + disk + ": no folder can be made there (" + e + ")", e);
        }
    }

    private static void remove(Path folder) {
        try (Stream<Path> tree = Files.walk(folder)) {
            List<Path> leavesFirst = tree.sorted(Comparator.reverseOrder()).toList();
            for (Path path : leavesFirst) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            System.err.println("lockstep: warning: " + folder + " could not be removed (" + e + ")");
        }
    }

    private static void print(PrintWriter out, CheckpointResult result) {
        out.printf(Locale.ROOT, "%s: %d %s, %.1f MB a checkpoint; medians of %d pairs%n", result.job(), result.ranks(),
                result.ranks() == 1 ? "rank" : "ranks", result.bytes() * 1e-6, result.repeats());
        print(out, "write", result.writeRate(), result.plainWriteRate(), result.writeToPlain(), "");
        print(out, "read", result.readRate(), result.plainReadRate(), result.readToPlain(),
                result.readFromDisk() ? "" : "  (from memory: GNU dd could not evict the files)");
        out.printf(Locale.ROOT, "copy    %9.1f ms between two steps%n", result.pauseSeconds() * 1e3);
        out.printf(Locale.ROOT, "step    %9.3f ms, %.3f while a checkpoint is written: ratio %.3f%n",
                result.stepSeconds() * 1e3, result.writingStepSeconds() * 1e3, result.writingToStep());
    }

    private static void print(PrintWriter out, String what, double rate, double plain, double ratio, String note) {
        out.printf(Locale.ROOT, "%-7s %9.1f MB/s, a plain file %.1f: ratio %.3f%s%n", what, rate * 1e-6, plain * 1e-6, ratio,
                note);
    }
}

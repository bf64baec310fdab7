package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.Allocation;
import dev.lockstep.bench.Executable;
import dev.lockstep.bench.ScalingBenchmark;
import dev.lockstep.bench.ScalingOutput;
import dev.lockstep.bench.ScalingPlan;
import dev.lockstep.bench.ScalingResult;
import dev.lockstep.bench.ScalingRun;
import dev.lockstep.bench.ScalingText;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.ScalingConfig;
import dev.lockstep.job.ScalingFile;
import dev.lockstep.train.OutputFolder;
import java.io.File;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lockstep bench scaling}. */
@Command(name = "scaling", mixinStandardHelpOptions = true,
        description = "Time a job's steps on more and more ranks, which are started here: run it without mpirun, in Slurm"
                + " inside one allocation.")
final class BenchScalingCommand implements Callable<Integer> {
    private static final Path RESULTS = Path.of("bench/results");
    private static final int SECONDS_TO_WRITE = 20;

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "FILE.yaml", description = "The benchmark's file, as bench/strong.yaml or bench/weak.yaml.")
    private Path file;

    @Option(names = "--set", paramLabel = "KEY=VALUE",
            description = "Set a key of the benchmark's file, as ranks=[1,2], or of its job; the value is YAML. May be"
                    + " repeated.")
    private List<String> sets = List.of();

    @Option(names = "--output", paramLabel = "DIR",
            description = "Where results go; must be new or empty. Else bench/results/NAME-DATE.")
    private Path folder;

    BenchScalingCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        Launch launch = context.launch();
        if (launch.size() > 1 || launch.launcher().equals("mpirun")) {
            throw new InvalidInputException("bench scaling starts the ranks itself; run it without " + launch.launcher());
        }
        ScalingConfig config = ScalingFile.load(file, sets);
        Job job = JobFile.load(config.jobFile(), config.sets());
        Machine machine = Machine.detect(Path.of("/"));
        // The JVM takes the control group's CPU quota into account.
        int cores = Math.min(machine.cores().size(), Runtime.getRuntime().availableProcessors());
        ScalingPlan plan = ScalingPlan.of(config, job, Allocation.detect(System.getenv(), cores));
        Path home = Path.of(System.getProperty("lockstep.home", "."));
        // A bundle has its own mpirun, which fits its libraries.
        Path launcher = Executable.find(plan.launcher().name().toLowerCase(Locale.ROOT),
                home.resolve("bin") + File.pathSeparator + System.getenv().getOrDefault("PATH", ""));
        List<String> command = new ArrayList<>(List.of("./lockstep"));
        command.addAll(spec.root().commandLine().getParseResult().originalArgs());
        ScalingResult.Setup setup = plan.setup(context.program().version(), context.program().commit(), command,
                JobFile.load(config.jobFile(), plan.settings(plan.baseRanks())), System.getenv());
        Path results = folder != null ? OutputFolder.named(folder) : OutputFolder.fresh(RESULTS, plan.name() + "-"
                + LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss")));
        ScalingOutput output = new ScalingOutput(results);
        return run(new ScalingBenchmark(plan, setup, launcher, home.resolve("lockstep"), output), output, results);
    }

    /** On INT and TERM, too, the run under way is ended, and what was measured until then is written. */
    private int run(ScalingBenchmark benchmark, ScalingOutput output, Path results) {
        CountDownLatch written = new CountDownLatch(1);
        Thread stopping = new Thread(() -> {
            benchmark.stop();
            try {
                written.await(SECONDS_TO_WRITE, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }, "stop-runs");
        Runtime.getRuntime().addShutdownHook(stopping);
        try {
            ScalingResult result = benchmark.run(BenchScalingCommand::progress);
            boolean whole = output.write(result, context.program().commit());
            PrintWriter out = spec.commandLine().getOut();
            ScalingText.print(result, out);
            out.println("report: " + results.resolve(ScalingOutput.REPORT_FILE));
            out.flush();
            if (!whole) {
                System.err.println("lockstep: error: not all runs were measured; the table says which and why, and "
                        + results + " holds what each printed");
            }
            return whole ? 0 : Failure.FAILED;
        } finally {
            written.countDown();
        }
    }

    private static void progress(ScalingRun run) {
        String outcome = run.failure() != null ? "failed: " + run.failure()
                : String.format(Locale.ROOT, "%.3f ms a step", run.result().path("step_seconds_median").asDouble() * 1e3);
        System.err.printf("repeat %d, %d rank%s: %s%n", run.repeat(), run.ranks(), run.ranks() == 1 ? "" : "s", outcome);
    }
}

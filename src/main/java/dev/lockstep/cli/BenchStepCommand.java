package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.Json;
import dev.lockstep.bench.LinkRate;
import dev.lockstep.bench.Statistics;
import dev.lockstep.bench.StepBenchmark;
import dev.lockstep.bench.StepResult;
import dev.lockstep.comm.Communicator;
import dev.lockstep.train.StartupAgreement;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep bench step}. */
@Command(name = "step", mixinStandardHelpOptions = true,
        description = "Time a job's training steps on the ranks that this runs on. Nothing is evaluated or written.")
final class BenchStepCommand implements Callable<Integer> {
    private static final int MOST_STEPS = 10_000_000;

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Mixin
    private JobOptions jobOptions;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "30",
            description = "Steps to time, of the full batch; default ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--warmup", paramLabel = "N", defaultValue = "5",
            description = "Steps to train before these; default ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(names = "--link-rate", paramLabel = "RATE",
            description = "Nominal rate of the link between hosts, as 1gbit; noted in the JSON, for bench predict.")
    private String linkRate;

    @Option(names = "--json", description = "Print one JSON object, on one line.")
    private boolean json;

    BenchStepCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), jobOptions.timeout(), this::measure);
    }

    private int measure(Communicator communicator) {
        checkCount("--steps", steps, 1);
        checkCount("--warmup", warmUp, 0);
        LinkRate link = linkRate == null ? null : LinkRate.parse(linkRate);
        BenchJob opened = BenchJob.open(context, jobOptions, communicator);
        requireAgreement(communicator, steps, warmUp, 1);
        StepBenchmark benchmark = new StepBenchmark(opened.job(), opened.trainer(), communicator);
        StepResult result = opened.result(communicator, link, warmUp, steps, benchmark.stepsPerTime(),
                benchmark.run(warmUp, steps));
        if (communicator.rank() == 0) {
            PrintWriter out = spec.commandLine().getOut();
            if (json) {
                out.println(Json.write(result));
            } else {
                print(out, result);
            }
            out.flush();
        }
        opened.device().close();
        return 0;
    }

    static void checkCount(String option, int value, int least) {
        if (value < least || value > MOST_STEPS) {
            throw new InvalidInputException(option + " is " + value + "; give a number from " + least + " to "
                    + MOST_STEPS);
        }
    }

    /** Ranks that take other steps would wait for each other until the timeout. Collective. */
    static void requireAgreement(Communicator communicator, int steps, int warmUp, int repeats) {
        new StartupAgreement().with("--steps", steps).with("--warmup", warmUp).with("--repeats", repeats).check(communicator);
    }

    /** What was measured, where, and how the ranks sum. */
    static void printSetting(PrintWriter out, StepResult result) {
        out.printf(Locale.ROOT, "%s: %d rank%s on %d host%s, batch %d a rank; %s%n", result.name(), result.ranks(),
                result.ranks() == 1 ? "" : "s", result.hosts(), result.hosts() == 1 ? "" : "s", result.batchSize(),
                result.device());
        Reduction reduction = Reduction.of(result);
        if (reduction.isNeeded()) {
            out.println("gradients " + reduction.ofChunks(result.chunks()));
        }
    }

    private static void print(PrintWriter out, StepResult result) {
        printSetting(out, result);
        out.printf(Locale.ROOT, "step      %.3f ms, median of %d after %d; %s %.3f to %.3f%s%n",
                result.stepSecondsMedian() * 1e3, result.steps(), result.warmupSteps(),
                Statistics.intervalName(result.stepSeconds().length), result.stepSecondsLow() * 1e3,
                result.stepSecondsHigh() * 1e3,
                result.stepsPerTime() == 1 ? "" : "; means of up to " + result.stepsPerTime() + " steps");
        out.printf(Locale.ROOT, "samples   %,.0f a second%n", result.samplesPerSecond());
        if (result.breakdown() != null) {
            result.breakdown().forEach((key, value) -> print(out, key, (Double) value));
        }
    }

    private static void print(PrintWriter out, String key, double value) {
        String name = key.replace('_', ' ').replaceFirst(" seconds$", "");
        if (key.endsWith("_seconds")) {
            out.printf(Locale.ROOT, "  %-16s %9.3f ms%n", name, value * 1e3);
        } else if (key.equals("gflops")) {
            out.printf(Locale.ROOT, "  %-16s %9.1f GFLOP/s%n", "matrix products", value);
        } else {
            out.printf(Locale.ROOT, "  %-16s %9.1f %%%n", name, value * 100);
        }
    }
}

package dev.lockstep.cli;

import dev.lockstep.bench.Json;
import dev.lockstep.bench.LinkRate;
import dev.lockstep.bench.OverlapBenchmark;
import dev.lockstep.bench.OverlapResult;
import dev.lockstep.bench.Statistics;
import dev.lockstep.bench.StepBenchmark;
import dev.lockstep.bench.StepResult;
import dev.lockstep.comm.Communicator;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep bench overlap}. */
@Command(name = "overlap", mixinStandardHelpOptions = true,
        description = "Time a job's training steps with and without overlap, in turns, beside what the schedule allows.")
final class BenchOverlapCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Mixin
    private JobOptions jobOptions;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "10",
            description = "Steps to time in each turn, of the full batch, on a GPU at least 2; default ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--warmup", paramLabel = "N", defaultValue = "3",
            description = "Steps to train before these, in each turn; default ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(names = "--repeats", paramLabel = "N", defaultValue = "6",
            description = "Turns of each kind; default ${DEFAULT-VALUE}.")
    private int repeats;

    @Option(names = "--link-rate", paramLabel = "RATE",
            description = "Nominal rate of the link between hosts, as 1gbit; noted in the JSON, for bench predict.")
    private String linkRate;

    @Option(names = "--json", description = "Print one JSON object, on one line.")
    private boolean json;

    BenchOverlapCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), jobOptions.timeout(), this::measure);
    }

    private int measure(Communicator communicator) {
        BenchStepCommand.checkCount("--steps", steps, 1);
        BenchStepCommand.checkCount("--warmup", warmUp, 0);
        BenchStepCommand.checkCount("--repeats", repeats, 1);
        LinkRate link = linkRate == null ? null : LinkRate.parse(linkRate);
        BenchJob opened = BenchJob.open(context, jobOptions, communicator);
        BenchStepCommand.requireAgreement(communicator, steps, warmUp, repeats);
        StepBenchmark benchmark = new StepBenchmark(opened.job(), opened.trainer(), communicator);
        // The bound takes steps that are timed from within. On a GPU only some are, the second among them.
        BenchStepCommand.checkCount("--steps", steps, benchmark.stepsPerTime() == 1 ? 1 : 2);
        OverlapBenchmark.Sides sides = new OverlapBenchmark(opened.trainer(), benchmark).run(repeats, warmUp, steps);
        opened.trainer().setOverlap(true);
        boolean overlaps = opened.trainer().overlaps();
        StepResult on = opened.result(communicator, link, warmUp, repeats * steps, benchmark.stepsPerTime(), sides.on());
        opened.trainer().setOverlap(false);
        StepResult off = opened.result(communicator, link, warmUp, repeats * steps, benchmark.stepsPerTime(), sides.off());
        if (communicator.rank() == 0) {
            PrintWriter out = spec.commandLine().getOut();
            OverlapResult result = OverlapResult.of(on, off);
            if (json) {
                out.println(Json.write(result));
            } else {
                print(out, result, overlaps);
            }
            out.flush();
        }
        opened.device().close();
        return 0;
    }

    private static void print(PrintWriter out, OverlapResult result, boolean overlaps) {
        BenchStepCommand.printSetting(out, result.on());
        print(out, "overlap on", result.on());
        print(out, "overlap off", result.off());
        out.printf(Locale.ROOT, "off / on            %9.3f%s%n", result.offToOn(), overlaps ? ""
                : "  (the same: there is nothing to overlap with "
                        + (result.on().ranks() == 1 ? "one rank)" : "one chunk)"));
        out.printf(Locale.ROOT, "backward            %9.3f ms, alone%n", result.backwardSeconds() * 1e3);
        if (result.commSeconds() != null) {
            out.printf(Locale.ROOT, "communication       %9.3f ms, alone: %.3f of backward, in %d chunks%n",
                    result.commSeconds() * 1e3, result.commToBackward(), result.on().chunks());
        }
        out.printf(Locale.ROOT, "schedule's bound    %9.3f ms; mean step / bound %.3f%n", result.boundSeconds() * 1e3,
                result.stepToBound());
        if (result.hiddenFraction() != null) {
            out.println(hidden(result));
        }
    }

    /** The line of a result with communication. */
    static String hidden(OverlapResult result) {
        return String.format(Locale.ROOT, "hidden              %9.3f of communication; the bound's %.3f%s",
                thousandths(result.hiddenFraction()), result.boundHiddenFraction(), result.hiddenToBoundHidden() == null ? ""
                        : String.format(Locale.ROOT, ", of which %.3f is reached", result.hiddenToBoundHidden()));
    }

    /** What is hardly below 0 is 0, not -0. */
    private static double thousandths(double value) {
        return Math.round(value * 1e3) / 1e3;
    }

    private static void print(PrintWriter out, String name, StepResult result) {
        out.printf(Locale.ROOT, "%-19s %9.3f ms, median of %d; %s %.3f to %.3f%n", name,
                result.stepSecondsMedian() * 1e3, result.steps(), Statistics.intervalName(result.stepSeconds().length),
                result.stepSecondsLow() * 1e3, result.stepSecondsHigh() * 1e3);
    }
}

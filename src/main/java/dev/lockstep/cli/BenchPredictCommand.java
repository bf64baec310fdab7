package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.Json;
import dev.lockstep.bench.LinkRate;
import dev.lockstep.bench.Measurements;
import dev.lockstep.bench.Prediction;
import dev.lockstep.bench.PredictionResult;
import dev.lockstep.bench.ScalingForecast;
import dev.lockstep.bench.StepResult;
import dev.lockstep.comm.Communicator;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lockstep bench predict}. */
@Command(name = "predict", mixinStandardHelpOptions = true, description = "Predict a step's time on other ranks, hosts and "
        + "links from measured steps, with the error against all that was measured.")
final class BenchPredictCommand implements Callable<Integer> {
    private static final int MOST_RANKS = 1 << 20;

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "FILE", arity = "0..*",
            description = "What bench step --json and bench overlap --json have printed, one result a line.")
    private List<Path> files = List.of();

    @Option(names = "--fit", paramLabel = "FILE", description = "The same, to fit on. Without it: the first point of one "
            + "rank, the first of several on one host, and the first on several hosts. May be repeated.")
    private List<Path> fitFiles = List.of();

    @Option(names = "--link", paramLabel = "RATE", description = "Nominal rate of each host's link, as 10gbit; else the one "
            + "that was measured.")
    private String link;

    @Option(names = "--ranks-per-host", paramLabel = "N", description = "Ranks that a host takes; else as in the points.")
    private Integer ranksPerHost;

    @Option(names = "--batch-size", paramLabel = "N", description = "Weak scaling's samples a rank; else the first point's.")
    private Integer batchSize;

    @Option(names = "--global-batch", paramLabel = "N", description = "Strong scaling's samples a step; else those of the "
            + "largest measured.")
    private Integer globalBatch;

    @Option(names = "--most-ranks", paramLabel = "N", defaultValue = "4096",
            description = "Predict up to so many ranks; default ${DEFAULT-VALUE}.")
    private int mostRanks;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    BenchPredictCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::predict);
    }

    private int predict(Communicator communicator) {
        if (communicator.rank() == 0) {
            PrintWriter out = spec.commandLine().getOut();
            PredictionResult result = result();
            if (json) {
                out.println(Json.write(result));
            } else {
                PredictionReport.print(out, result);
            }
            out.flush();
        }
        communicator.barrier();
        return 0;
    }

    private PredictionResult result() {
        checkCount("--most-ranks", mostRanks);
        checkCount("--ranks-per-host", ranksPerHost);
        checkCount("--batch-size", batchSize);
        checkCount("--global-batch", globalBatch);
        List<StepResult> fitted = read(fitFiles);
        List<StepResult> measured = new ArrayList<>(fitted);
        measured.addAll(read(files));
        if (measured.isEmpty()) {
            throw new InvalidInputException("there is nothing to predict from; name files that hold what bench step --json"
                    + " has printed");
        }
        Prediction prediction = fitted.isEmpty() ? Prediction.of(measured) : new Prediction(fitted);
        ScalingForecast asMeasured = ScalingForecast.of(prediction);
        double rate = link == null ? asMeasured.linkBytesPerSecond() : LinkRate.parse(link).bytesPerSecond();
        if (link != null && Double.isNaN(asMeasured.linkBytesPerSecond())) {
            throw new InvalidInputException("--link needs fitted points over several hosts that were measured with"
                    + " --link-rate");
        }
        ScalingForecast forecast = new ScalingForecast(prediction,
                ranksPerHost == null ? asMeasured.ranksPerHost() : ranksPerHost, rate);
        int batch = batchSize == null ? prediction.fitted().get(0).batchSize() : batchSize;
        int global = globalBatch == null ? measured.stream().mapToInt(StepResult::globalBatch).max().orElseThrow()
                : globalBatch;
        return PredictionResult.of(prediction, measured, forecast, batch, global, mostRanks);
    }

    private static List<StepResult> read(List<Path> files) {
        List<StepResult> steps = new ArrayList<>();
        files.forEach(file -> steps.addAll(Measurements.read(file)));
        return steps;
    }

    private static void checkCount(String option, Integer value) {
        if (value != null && (value < 1 || value > MOST_RANKS)) {
            throw new InvalidInputException(String.format(Locale.ROOT, "%s is %d; give a number from 1 to %d", option, value,
                    MOST_RANKS));
        }
    }
}

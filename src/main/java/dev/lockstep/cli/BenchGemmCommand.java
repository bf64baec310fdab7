package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.GemmBenchmark;
import dev.lockstep.bench.Json;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.train.JobChecks;
import dev.lockstep.train.MemoryBudget;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep bench gemm}. */
@Command(name = "gemm", mixinStandardHelpOptions = true,
        description = "Time the matrix products of a job's training step alone, on all ranks at once; the slowest counts.")
final class BenchGemmCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Mixin
    private JobOptions jobOptions;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "3",
            description = "Repeat steps for so long; default ${DEFAULT-VALUE}.")
    private double seconds;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    BenchGemmCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), jobOptions.timeout(), this::measure);
    }

    private int measure(Communicator communicator) {
        if (!(seconds > 0 && seconds <= 3600)) {
            throw new InvalidInputException("--seconds is " + seconds + "; give a time of up to 3600 seconds");
        }
        Job job = jobOptions.load(communicator, context.failure());
        Environment environment = Environment.detect(context.program(), context.launch(), communicator,
                Optional.of(job));
        RankDevice rankDevice = new RankDevice(environment, communicator);
        MemoryBudget budget = rankDevice.budget();
        JobChecks.StepSamples samples = Agreement.onAllRanks(communicator,
                () -> JobChecks.checkWithoutLoading(job, communicator.size(), budget));
        try (Device device = rankDevice.open(job)) {
            GemmBenchmark benchmark = new GemmBenchmark(device, job.model(), samples.batch(), samples.perStep());
            communicator.barrier();
            GemmBenchmark.Result result = benchmark.run(seconds).slowest(communicator);
            if (communicator.rank() == 0) {
                print(device, job, samples, environment, result);
            }
        }
        return 0;
    }

    private void print(Device device, Job job, JobChecks.StepSamples samples, Environment environment,
            GemmBenchmark.Result result) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("kind", "gemm");
            map.put("device", device.description());
            map.put("precision", job.precision().name().toLowerCase(Locale.ROOT));
            map.put("batch", samples.batch());
            map.put("samples_per_step", samples.perStep());
            map.put("seconds_per_step", result.secondsPerStep());
            map.put("gflops", result.gigaflops());
            map.put("products", result.products());
            map.put("products_with_relu", result.carrying());
            map.put("environment", environment.toMap());
            out.println(Json.write(map));
        } else {
            out.println(device.description() + ", batch " + samples.batch()
                    + (samples.perStep() == samples.batch() ? "" : ", " + samples.perStep() + " samples a step"));
            out.printf("%-35s %8s %8s %8s %12s %10s%n", "product", "m", "n", "k", "ms", "GFLOP/s");
            print(out, result.products());
            out.printf(Locale.ROOT, "%-35s %8s %8s %8s %12.3f %10.1f%n", "step", "", "", "",
                    result.secondsPerStep() * 1e3, result.gigaflops());
            print(out, result.carrying());
        }
        out.flush();
    }

    private static void print(PrintWriter out, List<GemmBenchmark.Product> products) {
        for (GemmBenchmark.Product p : products) {
            out.printf(Locale.ROOT, "%-35s %8d %8d %8d %12.3f %10.1f  %s%n", p.name(), p.m(), p.n(), p.k(),
                    p.seconds() * 1e3, p.gigaflops(), p.how());
        }
    }
}

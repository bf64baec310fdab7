package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.Json;
import dev.lockstep.bench.UpdateBenchmark;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.device.OutOfDeviceMemoryException;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.train.MemoryBudget;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep bench update}. */
@Command(name = "update", mixinStandardHelpOptions = true,
        description = "Time the optimizers' updates beside a plain copy, on all ranks at once; the slowest counts.")
final class BenchUpdateCommand implements Callable<Integer> {
    private static final long MOST_PARAMETERS = 1L << 32;

    /** A job's device and threads are all that counts here. */
    private static final String JOB = """
            name: update
            data:
              train: {format: synthetic, samples: 1, features: 1, classes: 1}
            model: [linear: {in: 1, out: 1}]
            optimizer: {adam: {}}
            train: {epochs: 1, batch-size: 1}
            """;

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Option(names = "--parameters", paramLabel = "N", defaultValue = "16777216",
            description = "Of the model; default ${DEFAULT-VALUE}, whose arrays no cache holds.")
    private long parameters;

    @Option(names = "--device", paramLabel = "DEVICE", defaultValue = "auto",
            description = "auto, cpu or cuda, as in a job; default ${DEFAULT-VALUE}.")
    private String device;

    @Option(names = "--threads", paramLabel = "N", defaultValue = "auto",
            description = "CPU threads a rank, as in a job; default ${DEFAULT-VALUE}.")
    private String threads;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "5",
            description = "Take turns for so long; default ${DEFAULT-VALUE}.")
    private double seconds;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    BenchUpdateCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::measure);
    }

    private int measure(Communicator communicator) {
        if (!(seconds > 0 && seconds <= 3600)) {
            throw new InvalidInputException("--seconds is " + seconds + "; give a time of up to 3600 seconds");
        }
        if (parameters < 1 || parameters > MOST_PARAMETERS) {
            throw new InvalidInputException(
                    "--parameters is " + parameters + "; give a number from 1 to " + MOST_PARAMETERS);
        }
        Job job = JobFile.parse(JOB, Path.of(""), "bench update", List.of("device=" + device, "threads=" + threads));
        Environment environment = Environment.detect(context.program(), context.launch(), communicator, Optional.of(job));
        RankDevice rankDevice = new RankDevice(environment, communicator);
        MemoryBudget budget = rankDevice.budget();
        Agreement.onAllRanks(communicator, () -> {
            requireMemory(budget);
            return true;
        });
        try (Device opened = rankDevice.open(job)) {
            UpdateBenchmark benchmark = Agreement.onAllRanks(communicator, () -> benchmark(opened));
            List<UpdateBenchmark.Row> rows = benchmark.run(seconds, communicator);
            if (communicator.rank() == 0) {
                print(opened, environment, rows);
            }
        }
        return 0;
    }

    /** Looks before anything is taken: the kernel promises memory that it does not have, and kills whoever uses it. */
    private void requireMemory(MemoryBudget budget) {
        long bytes = UpdateBenchmark.ARRAYS * Float.BYTES * parameters;
        boolean isCuda = budget.gpu().isPresent();
        long available = isCuda ? budget.gpu().get().freeBytes() / budget.gpu().get().ranks()
                : budget.hostBytes() / budget.ranksHere();
        if (bytes > available) {
            throw tooMany((bytes >> 20) + " MiB a rank, and " + (available >> 20) + " MiB are free for each", null);
        }
    }

    private UpdateBenchmark benchmark(Device opened) {
        try {
            return new UpdateBenchmark(opened, parameters);
        } catch (OutOfDeviceMemoryException e) {
            throw tooMany("more memory than the system gives", e);
        }
    }

    private InvalidInputException tooMany(String what, Throwable cause) {
        return new InvalidInputException("not enough memory: " + parameters + " parameters take " + what
                + "; give fewer --parameters", cause);
    }

    private void print(Device opened, Environment environment, List<UpdateBenchmark.Row> rows) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("kind", "update");
            map.put("device", opened.description());
            map.put("parameters", parameters);
            map.put("operations", rows);
            map.put("environment", environment.toMap());
            out.println(Json.write(map));
        } else {
            out.printf(Locale.ROOT, "%s, %,d parameters%n", opened.description(), parameters);
            out.printf("%-20s %16s %10s %10s %10s%n", "operation", "bytes/parameter", "ms", "GB/s", "of copy");
            rows.forEach(row -> out.printf(Locale.ROOT, "%-20s %16d %10.3f %10.2f %8.1f %%%n", row.name(),
                    row.bytesPerParameter(), row.seconds() * 1e3, row.gigabytesPerSecond(), row.shareOfCopy() * 100));
        }
        out.flush();
    }
}

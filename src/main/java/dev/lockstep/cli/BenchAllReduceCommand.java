package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.AllReduceBenchmark;
import dev.lockstep.bench.AllReduceResult;
import dev.lockstep.bench.Json;
import dev.lockstep.comm.Communicator;
import dev.lockstep.ddp.GradientMemory;
import dev.lockstep.device.Device;
import dev.lockstep.device.OutOfDeviceMemoryException;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Units;
import dev.lockstep.train.StartupAgreement;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep bench allreduce}. */
@Command(name = "allreduce", mixinStandardHelpOptions = true,
        description = "Time sums of float32 over all ranks in host memory, as training takes them, in nccl-tests' columns.")
final class BenchAllReduceCommand implements Callable<Integer> {
    /** The largest power of two of bytes that a host view holds. */
    private static final long LARGEST_BYTES = 1L << 30;
    private static final long MIB = 1L << 20;
    private static final Duration LONGEST_TIMEOUT = Duration.ofHours(24);
    private static final int MOST_ITERATIONS = 1_000_000;

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Option(names = "--min", paramLabel = "SIZE", defaultValue = "4B",
            description = "The smallest sum, as 4B, 64KiB, 1MiB; each next one is twice as large. Default ${DEFAULT-VALUE}.")
    private String min;

    @Option(names = "--max", paramLabel = "SIZE", defaultValue = "256MiB",
            description = "No sum is larger; default ${DEFAULT-VALUE}.")
    private String max;

    @Option(names = "--warmup", paramLabel = "N", defaultValue = "5",
            description = "Sums before each loop that is timed; default ${DEFAULT-VALUE}.")
    private int warmUp;

    @Option(names = "--iterations", paramLabel = "N", split = ",",
            description = "Sums in a loop: a number, or one for each size with commas between; otherwise the ranks agree on"
                    + " how many take 0.2 s, at least 10.")
    private List<Integer> iterations = List.of();

    @Option(names = "--timeout", paramLabel = "TIME", defaultValue = "60s",
            description = "Waiting for the others longer than this in a sum ends the ranks; default ${DEFAULT-VALUE}.")
    private String timeout;

    @Option(names = "--mpi", description = "Sum by MPI_Allreduce also where ranks share a machine, and could sum in memory that"
            + " they share, as training does unless distributed.shared-memory is false.")
    private boolean mpi;

    @Option(names = "--json", description = "Print one JSON object, on one line.")
    private boolean json;

    BenchAllReduceCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::measure);
    }

    private int measure(Communicator communicator) {
        List<Integer> elementCounts = elementCounts();
        checkIterations(elementCounts.size());
        RankWatch.start(communicator, timeout(), context.failure());
        // Ranks that sum differently would wait for each other until the timeout.
        new StartupAgreement().with("program", context.program().identity()).with("--min", bytes("--min", min))
                .with("--max", bytes("--max", max)).with("--warmup", warmUp).with("--iterations", iterations)
                .with("--timeout", timeout()).with("--mpi", mpi).check(communicator);
        Environment environment = Environment.detect(context.program(), context.launch(), communicator,
                Optional.empty());
        boolean first = communicator.rank() == 0;
        List<AllReduceResult> results = new ArrayList<>();
        AllReduceReport report;
        // One thread: nothing is computed. Its memory is of the kind that gradients lie in.
        try (Device device = new CpuDevice(1)) {
            int largest = elementCounts.get(elementCounts.size() - 1);
            Agreement.onAllRanks(communicator, () -> {
                requireMemory((long) largest * Float.BYTES, mpi || communicator.localSize() == 1, communicator.localSize(),
                        AvailableMemory.bytes(Path.of("/")));
                return true;
            });
            GradientMemory memory = Agreement.onAllRanks(communicator, () -> allocate(device, communicator, largest));
            if (!mpi && !memory.isShared() && communicator.size() > 1) {
                // Nothing of it is taken yet.
                Agreement.onAllRanks(communicator, () -> {
                    requireMemory((long) largest * Float.BYTES, true, communicator.localSize(),
                            AvailableMemory.bytes(Path.of("/")));
                    return true;
                });
            }
            AllReduceBenchmark benchmark = new AllReduceBenchmark(communicator, memory.buffer(), warmUp);
            report = new AllReduceReport(environment, Reduction.of(communicator.size(), memory, !mpi, "--mpi is given"), warmUp);
            if (first && !json) {
                report.printHead(spec.commandLine().getOut());
            }
            for (int i = 0; i < elementCounts.size(); i++) {
                AllReduceResult result = benchmark.measure(elementCounts.get(i), iterationsOf(i));
                results.add(result);
                if (first && !json) {
                    AllReduceReport.print(spec.commandLine().getOut(), result);
                }
            }
        }
        if (first && json) {
            spec.commandLine().getOut().println(Json.write(report.toMap(results)));
            spec.commandLine().getOut().flush();
        }
        // All ranks have the same results, and so end together.
        Optional<String> wrong = report.wrong(results);
        if (first && wrong.isPresent()) {
            System.err.println("lockstep: error: " + wrong.get());
        }
        return wrong.isPresent() ? Failure.FAILED : 0;
    }

    /** Of each size, ascending. */
    private List<Integer> elementCounts() {
        long minBytes = bytes("--min", min);
        long maxBytes = bytes("--max", max);
        if (minBytes > maxBytes) {
            throw new InvalidInputException("--min " + min + " is larger than --max " + max + "; exchange them");
        }
        List<Integer> counts = new ArrayList<>();
        for (long bytes = minBytes; bytes <= maxBytes; bytes *= 2) {
            counts.add((int) (bytes / Float.BYTES));
        }
        return counts;
    }

    private static long bytes(String option, String text) {
        OptionalLong bytes = Units.BYTES.parse(text);
        if (bytes.isEmpty() || bytes.getAsLong() < Float.BYTES || bytes.getAsLong() > LARGEST_BYTES
                || bytes.getAsLong() % Float.BYTES != 0) {
            throw new InvalidInputException(option + " is '" + text + "'; give a size from 4B to "
                    + Units.BYTES.format(LARGEST_BYTES) + " such as 4MiB, a multiple of the 4 bytes of a float");
        }
        return bytes.getAsLong();
    }

    private void checkIterations(int sizes) {
        if (warmUp < 1 || warmUp > MOST_ITERATIONS) {
            throw new InvalidInputException("--warmup is " + warmUp + "; give a number from 1 to " + MOST_ITERATIONS);
        }
        for (int count : iterations) {
            if (count < 1 || count > MOST_ITERATIONS) {
                throw new InvalidInputException("--iterations is " + count + "; give numbers from 1 to " + MOST_ITERATIONS);
            }
        }
        if (iterations.size() > 1 && iterations.size() != sizes) {
            throw new InvalidInputException("--iterations has " + iterations.size() + " numbers for " + sizes
                    + " sizes; give one for all, or one for each");
        }
    }

    private OptionalInt iterationsOf(int index) {
        return iterations.isEmpty() ? OptionalInt.empty()
                : OptionalInt.of(iterations.get(iterations.size() == 1 ? 0 : index));
    }

    private Duration timeout() {
        OptionalLong millis = Units.MILLISECONDS.parse(timeout);
        if (millis.isEmpty() || millis.getAsLong() < 1 || millis.getAsLong() > LONGEST_TIMEOUT.toMillis()) {
            throw new InvalidInputException("--timeout is '" + timeout + "'; give a time above 0, at most "
                    + Units.MILLISECONDS.format(LONGEST_TIMEOUT.toMillis()) + ", such as 60s or 5m");
        }
        return Duration.ofMillis(millis.getAsLong());
    }

    private GradientMemory allocate(Device device, Communicator communicator, int elementCount) {
        try {
            return GradientMemory.allocate(device, communicator, !mpi, elementCount);
        } catch (OutOfDeviceMemoryException e) {
            throw notEnough((long) elementCount * Float.BYTES, "the system refuses this process that much", e);
        }
    }

    /** Looks before anything is taken: the kernel promises memory that it does not have, and kills whoever uses it. */
    static void requireMemory(long bytes, boolean mpi, int ranksHere, long availableBytes) {
        // MPI sums into a copy of its own.
        long neededBytes = (mpi ? 2 : 1) * bytes * ranksHere;
        if (neededBytes > availableBytes) {
            throw notEnough(bytes, (mpi ? "with MPI's own copies it takes " : "it takes ") + neededBytes / MIB + " MiB on a machine with "
                    + (ranksHere == 1 ? "1 rank" : ranksHere + " ranks") + ", and " + availableBytes / MIB + " MiB are free",
                    null);
        }
    }

    private static InvalidInputException notEnough(long bytes, String why, Throwable cause) {
        return new InvalidInputException("not enough memory for sums of " + Units.BYTES.format(bytes) + ": " + why
                + "; give a smaller --max", cause);
    }
}

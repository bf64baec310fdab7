package dev.lockstep.bench;

import dev.lockstep.InvalidInputException;
import dev.lockstep.bench.AllReduceModel.Cost;
import dev.lockstep.bench.StepResult.Operation;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.nn.Linear;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * What a step would take on other ranks, hosts, links, batches and chunks, from a few measured ones: each operation's time
 * on one rank, scaled with the batch; how much slower ranks are that share a machine; what a sum of so many bytes takes;
 * and, as far as no core is to spare, how much of the computing it costs to move them. {@link Schedule} puts these together.
 */
public final class Prediction {
    /** However many bytes move beside it, some computing goes on. */
    private static final double MOST_STOLEN = 0.9;
    /** A core that moves less than 100 MB/s is held up by something else. */
    private static final double MOST_STOLEN_SECONDS_PER_BYTE = 1e-8;
    private static final int BISECTIONS = 60;
    private static final String CPU_MODEL = "/cpu/model";
    /** What the points may not differ in; an optimizer's updates differ in the bytes that they move. */
    private static final Map<String, Function<StepResult, Object>> ALIKE = Map.of(
            "model", point -> List.of(point.model(), point.backwardOrder()), "optimizer", StepResult::optimizer,
            "device", StepResult::device, "precision", StepResult::precision, "threads a rank", StepResult::threads,
            "CPU", point -> point.environmentAt(CPU_MODEL));

    /**
     * A step that may or may not exist.
     *
     * @param sharesMemory       whether the ranks of a host sum in memory that they share
     * @param occupancy          threads that compute ÷ the machines' cores
     * @param linkBytesPerSecond nominal; not looked at with one host, or where the fitted points do not tell theirs
     */
    public record Setting(int ranks, int hosts, int batchSize, long firstBucketBytes, long bucketBytes, long chunkBytes,
            boolean overlap, boolean sharesMemory, double occupancy, double linkBytesPerSecond) {
        static Setting of(StepResult measured) {
            return new Setting(measured.ranks(), measured.hosts(), measured.batchSize(), measured.firstBucketBytes(),
                    measured.bucketBytes(), measured.chunkBytes(), measured.overlap(), AllReduceModel.sharesMemory(measured),
                    MachineLoad.occupancy(measured),
                    measured.linkRate() == null ? Double.NaN : LinkRate.parse(measured.linkRate()).bytesPerSecond());
        }
    }

    /** A measured point beside what is predicted for it; {@code error} is predicted ÷ measured − 1. */
    public record Comparison(StepResult measured, boolean fitted, double predictedSeconds, double error) {
    }

    /** Seconds of computing that are lost for a byte moved within a host, and for one over its link. */
    private record Stolen(double perHostByte, double perLinkByte) {
    }

    private final List<StepResult> fitted;
    private final StepResult base;
    private final ComputeModel compute;
    private final AllReduceModel allReduce;
    private final MachineLoad load;
    private final Stolen stolen;
    /** What is not explained of steps with overlap, and of those without, relative to what is. */
    private final double overlappedRest;
    private final double sequentialRest;

    /**
     * @param fitted of one model, optimizer, device, CPU, precision and number of threads; one of them at least of one rank,
     *               and one of more
     * @throws InvalidInputException if they are not
     */
    public Prediction(List<StepResult> fitted) {
        this.fitted = List.copyOf(fitted);
        List<StepResult> alone = fitted.stream().filter(point -> point.ranks() == 1).toList();
        List<StepResult> together = fitted.stream().filter(point -> point.ranks() > 1).toList();
        if (alone.isEmpty() || together.isEmpty()) {
            throw new InvalidInputException("a prediction is fitted on a point of one rank and one of several at least;"
                    + " there is none of " + (alone.isEmpty() ? "one rank" : "several ranks"));
        }
        base = alone.get(0);
        fitted.forEach(this::requireComparable);
        requireOneReduction(together);
        compute = new ComputeModel(alone);
        allReduce = AllReduceModel.fit(together);
        load = new MachineLoad(compute, fitted);
        // Beside sums, operations take longer. The step would not tell: it may wait for the sums in any case.
        double perHostByte = average(together, point -> overlaps(point) && point.hosts() == 1,
                point -> solve(value -> computeSeconds(point, new Stolen(value, 0)), computeSeconds(point)));
        stolen = new Stolen(perHostByte, average(together, point -> overlaps(point) && point.hosts() > 1,
                point -> solve(value -> computeSeconds(point, new Stolen(perHostByte, value)), computeSeconds(point))));
        overlappedRest = average(together, Prediction::overlaps, this::rest);
        sequentialRest = average(together, point -> !overlaps(point), this::rest);
    }

    private double computeSeconds(StepResult point, Stolen loss) {
        return schedule(Setting.of(point), loss).computeSeconds();
    }

    private static double computeSeconds(StepResult point) {
        return point.operations().stream().filter(operation -> !operation.phase().equals("optimizer"))
                .mapToDouble(Operation::seconds).sum();
    }

    private double rest(StepResult point) {
        return point.stepSecondsMedian() / explainedSeconds(Setting.of(point)) - 1;
    }

    private double explainedSeconds(Setting setting) {
        return schedule(setting, stolen).stepSeconds() + compute.betweenSeconds();
    }

    /**
     * Fitted on the first point of one rank, the first of several ranks on one host, and the first on several hosts, as far
     * as there are any, and on their repetitions.
     *
     * @throws InvalidInputException as the constructor
     */
    public static Prediction of(List<StepResult> measured) {
        return new Prediction(Stream.<Predicate<StepResult>>of(point -> point.ranks() == 1,
                point -> point.ranks() > 1 && point.hosts() == 1, point -> point.hosts() > 1)
                .map(kind -> measured.stream().filter(kind).findFirst()).flatMap(Optional::stream)
                .flatMap(first -> measured.stream().filter(point -> Setting.of(point).equals(Setting.of(first)))).toList());
    }

    private static double average(List<StepResult> points, Predicate<StepResult> which, ToDoubleFunction<StepResult> value) {
        return points.stream().filter(which).mapToDouble(value).average().orElse(0);
    }

    /** The least from 0 on for which {@code rising} reaches {@code wanted}, or nearly the most that it can reach. */
    private static double solve(DoubleUnaryOperator rising, double wanted) {
        double low = 0;
        double high = MOST_STOLEN_SECONDS_PER_BYTE;
        double target = Math.min(wanted, (1 - 1e-6) * rising.applyAsDouble(high));
        if (rising.applyAsDouble(low) >= target) {
            return low;
        }
        for (int i = 0; i < BISECTIONS; i++) {
            double middle = (low + high) / 2;
            if (rising.applyAsDouble(middle) < target) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return high;
    }

    private void requireComparable(StepResult point) {
        if (point.accumulate() > 1) {
            throw new InvalidInputException("the point of " + describe(point) + " was measured with train.accumulate "
                    + point.accumulate() + "; a prediction takes steps of one micro-batch");
        }
        if (point.operations().stream().anyMatch(operation -> operation.name().equals("norm"))) {
            throw new InvalidInputException("the point of " + describe(point) + " was measured with train.clip-norm; a"
                    + " prediction takes steps whose updates do not wait for all sums");
        }
        if (point.sumsWithinSteps()) {
            throw new InvalidInputException("the point of " + describe(point) + " was measured with sync-batch-norm, or"
                    + " another module that sums over ranks; a prediction takes steps that sum nothing within forward and"
                    + " backward");
        }
        List<String> different = ALIKE.entrySet().stream()
                .filter(what -> !what.getValue().apply(point).equals(what.getValue().apply(base)))
                .map(Map.Entry::getKey).sorted().toList();
        if (!different.isEmpty()) {
            throw new InvalidInputException("the point of " + describe(point) + " and that of " + describe(base)
                    + " do not go together, as they differ in " + String.join(", ", different) + "; a prediction takes"
                    + " points that are alike in all of " + String.join(", ", new TreeSet<>(ALIKE.keySet())));
        }
    }

    /** Of ranks that could share memory: what a sum within a host takes is fitted on all of them. */
    private static void requireOneReduction(List<StepResult> together) {
        List<StepResult> couldShare = together.stream().filter(point -> point.hosts() < point.ranks()).toList();
        couldShare.stream().filter(point ->
                AllReduceModel.sharesMemory(point) != AllReduceModel.sharesMemory(couldShare.get(0))).findFirst()
                .ifPresent(other -> {
                    throw new InvalidInputException("the ranks of a host share memory in one of the points of "
                            + describe(couldShare.get(0)) + " and of " + describe(other) + ", and sum by MPI in the other; a"
                            + " prediction is fitted on points of one kind, which --fit chooses");
                });
    }

    private static String describe(StepResult point) {
        return point.name() + " on " + point.ranks() + (point.ranks() == 1 ? " rank" : " ranks") + " (" + point.device()
                + ", " + point.environmentAt(CPU_MODEL) + ", " + point.precision() + ", batch " + point.batchSize() + ")";
    }

    private static boolean overlaps(StepResult point) {
        return point.overlap() && point.chunks() > 1;
    }

    /** With one chunk there is nothing to overlap with, whatever the job says. */
    private static boolean overlaps(Setting setting, BucketPlan plan) {
        return setting.overlap() && plan.chunks().size() > 1;
    }

    /** What the model is fitted on. */
    public List<StepResult> fitted() {
        return fitted;
    }

    AllReduceModel allReduce() {
        return allReduce;
    }

    MachineLoad load() {
        return load;
    }

    double stolenSecondsPerHostByte() {
        return stolen.perHostByte;
    }

    double stolenSecondsPerLinkByte() {
        return stolen.perLinkByte;
    }

    /** @throws InvalidInputException if a point is of another model, optimizer, device, CPU, precision, number of threads */
    public List<Comparison> compare(List<StepResult> measured) {
        measured.forEach(this::requireComparable);
        return measured.stream().map(point -> {
            double predicted = stepSeconds(Setting.of(point));
            return new Comparison(point, fitted.contains(point), predicted, predicted / point.stepSecondsMedian() - 1);
        }).toList();
    }

    /** What else may make the points differ, and what was not measured; a sentence each. */
    List<String> notes(List<StepResult> measured, int ranksPerHost) {
        List<String> notes = new ArrayList<>();
        note(notes, "commits of the program", measured.stream().map(point -> point.environmentAt("/lockstep/commit")));
        note(notes, "how ranks of a machine sum", measured.stream().filter(point -> point.ranks() > point.hosts())
                .map(StepResult::reduction));
        note(notes, "MPI", measured.stream().filter(point -> point.ranks() > 1)
                .map(point -> Factor.withoutRanks(point.environmentAt("/mpi"))));
        if (ranksPerHost > 1 && !allReduce.knowsHost()) {
            notes.add("No fitted point has several ranks on one host alone: sums within a host are predicted to take no time.");
        }
        return notes;
    }

    private static void note(List<String> notes, String what, Stream<String> values) {
        List<String> different = values.distinct().toList();
        if (different.size() > 1) {
            notes.add("The points differ in " + what + ": " + String.join("; ", different) + ".");
        }
    }

    /**
     * Of one step.
     *
     * @throws InvalidInputException if it is over several hosts, and no fitted point is
     */
    public double stepSeconds(Setting setting) {
        if (setting.hosts() > 1 && !allReduce.knowsLink()) {
            throw new InvalidInputException("there is no fitted point over several hosts to predict " + setting.hosts()
                    + " hosts from");
        }
        double rest = setting.ranks() == 1 ? 0 : overlaps(setting, plan(setting)) ? overlappedRest : sequentialRest;
        return explainedSeconds(setting) * (1 + rest);
    }

    private BucketPlan plan(Setting setting) {
        return BucketPlan.of(base.backwardOrder(), setting.firstBucketBytes(), setting.bucketBytes(), setting.chunkBytes());
    }

    private Schedule.Result schedule(Setting setting, Stolen loss) {
        BucketPlan plan = plan(setting);
        List<ParameterShape> shapes = base.backwardOrder();
        Map<String, int[]> rowEnds = new HashMap<>();
        for (int i = 0; i < shapes.size(); i++) {
            rowEnds.put(shapes.get(i).name(), setting.ranks() == 1 ? new int[] {shapes.get(i).rows()}
                    : Linear.merged(plan.rowEnds().get(i), base.weightGradientRows()));
        }
        List<Operation> operations = compute.operations(setting.batchSize(), rowEnds);
        double slowdown = load.slowdown(setting.occupancy());
        double[] seconds = operations.stream().mapToDouble(operation -> slowdown * operation.seconds()).toArray();
        double updatePerByte = load.updateSecondsPerByte(setting.occupancy());
        if (setting.ranks() == 1) {
            double computing = Arrays.stream(seconds).sum();
            return new Schedule.Result(computing + base.gradientBytes() * updatePerByte, computing, 0, 0);
        }
        int[] readyAfter = StepBound.readyAfter(plan, shapes, operations.stream().map(Operation::name).toList());
        List<Schedule.Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < readyAfter.length; i++) {
            long bytes = plan.chunks().get(i).bytes();
            double comm = allReduce.seconds(bytes, setting.ranks(), setting.hosts(), setting.linkBytesPerSecond());
            chunks.add(new Schedule.Chunk(readyAfter[i], comm, bytes * updatePerByte,
                    stolenFraction(bytes, comm, setting, loss)));
        }
        return overlaps(setting, plan) ? Schedule.overlapped(seconds, chunks) : Schedule.sequential(seconds, chunks);
    }

    private double stolenFraction(long bytes, double commSeconds, Setting setting, Stolen loss) {
        Cost host = allReduce.withinHost(bytes, setting.ranks(), setting.hosts());
        Cost link = setting.hosts() == 1 ? new Cost(0, 0)
                : allReduce.betweenHosts(bytes, setting.ranks(), setting.hosts());
        double lost = host.bytes() * loss.perHostByte + link.bytes() * loss.perLinkByte;
        return commSeconds > 0 ? Math.min(MOST_STOLEN, lost / commSeconds) : 0;
    }
}

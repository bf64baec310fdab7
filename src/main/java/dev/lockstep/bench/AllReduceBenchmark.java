package dev.lockstep.bench;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostTransfer;
import dev.lockstep.device.DeviceBuffer;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/** Times the sums over all ranks that training waits for, each size checked before it is timed. */
public final class AllReduceBenchmark {
    /** A loop's length where the user gives no number of iterations, and the bounds of that number. */
    public static final double LOOP_SECONDS = 0.2;
    static final int FEWEST_ITERATIONS = 10;
    static final int MOST_ITERATIONS = 10_000;
    /** Sums until the JVM has compiled what it runs around MPI's call: 15 µs a sum before that, 1 µs after it. */
    private static final int COMPILING_ITERATIONS = 1000;

    private final Communicator communicator;
    private final DeviceBuffer memory;
    private final int warmUpIterations;
    private final ExactSum exactSum;

    /**
     * Collective: sums single numbers until that goes at its speed.
     *
     * @param memory           of as many floats as the largest sum has; the host can access it; overwritten
     * @param warmUpIterations before each loop, at least 1
     */
    public AllReduceBenchmark(Communicator communicator, DeviceBuffer memory, int warmUpIterations) {
        this.communicator = communicator;
        this.memory = memory;
        this.warmUpIterations = warmUpIterations;
        exactSum = new ExactSum(communicator.rank(), communicator.size());
        measure(1, OptionalInt.of(COMPILING_ITERATIONS));
    }

    /**
     * Sums the first {@code elementCount} floats of the memory over all ranks. Collective; the result is the same on all.
     *
     * @param iterations to time, as rank 0 has it; empty: as many as take about {@link #LOOP_SECONDS}
     */
    public AllReduceResult measure(int elementCount, OptionalInt iterations) {
        ByteBuffer floats = memory.slice(0, elementCount).hostView();
        Stopwatch stopwatch = new Stopwatch();
        AllReduce sum = communicator.prepareAllReduce("", floats, stopwatch);
        Runnable handedOver = () -> {
            sum.start();
            sum.await();
        };
        long wrongHandedOver = countWrong(handedOver, floats);
        long wrongOnCaller = countWrong(sum::run, floats);
        ExactSum.clear(floats);
        int count = agree(warmUp(handedOver), iterations);
        AllReduceResult.Timing timingHandedOver = time(handedOver, stopwatch, count, wrongHandedOver);
        warmUp(sum::run);
        AllReduceResult.Timing timingOnCaller = time(sum::run, stopwatch, count, wrongOnCaller);
        return new AllReduceResult(elementCount, communicator.size(), count, timingHandedOver, timingOnCaller);
    }

    private long countWrong(Runnable sum, ByteBuffer floats) {
        exactSum.fill(floats);
        sum.run();
        return exactSum.countWrong(floats);
    }

    /** The shortest iteration's seconds: the first ones make connections and find memory. */
    private double warmUp(Runnable sum) {
        double shortest = Double.MAX_VALUE;
        for (int i = 0; i < warmUpIterations; i++) {
            long start = System.nanoTime();
            sum.run();
            shortest = Math.min(shortest, (System.nanoTime() - start) * 1e-9);
        }
        return shortest;
    }

    /** The number of iterations: ranks that chose their own would wait for each other for ever. */
    private int agree(double seconds, OptionalInt iterations) {
        List<double[]> byRank = communicator.allGather(new double[] {seconds, iterations.orElse(0)});
        int given = (int) byRank.get(0)[1];
        return given > 0 ? given : iterations(byRank.stream().mapToDouble(rank -> rank[0]).max().orElseThrow());
    }

    /** How many iterations of {@code seconds} fill a loop. */
    static int iterations(double seconds) {
        return (int) Math.max(FEWEST_ITERATIONS, Math.min(MOST_ITERATIONS, Math.ceil(LOOP_SECONDS / seconds)));
    }

    private AllReduceResult.Timing time(Runnable sum, Stopwatch stopwatch, int count, long wrong) {
        double[] seconds = new double[count];
        double[] collectiveSeconds = new double[count];
        long start = System.nanoTime();
        long before = start;
        for (int i = 0; i < count; i++) {
            sum.run();
            long after = System.nanoTime();
            seconds[i] = (after - before) * 1e-9;
            collectiveSeconds[i] = stopwatch.nanos * 1e-9;
            before = after;
        }
        Arrays.sort(seconds);
        List<double[]> byRank = communicator.allGather(new double[] {(before - start) * 1e-9 / count, percentile(seconds, 50),
                percentile(seconds, 99), wrong});
        double[] slowest = byRank.stream().reduce((a, b) -> a[0] >= b[0] ? a : b).orElseThrow();
        // The last rank to come waits for no other.
        communicator.allReduceMin(collectiveSeconds);
        return new AllReduceResult.Timing(slowest[0], slowest[1], slowest[2],
                Arrays.stream(collectiveSeconds).average().orElseThrow(),
                (long) byRank.stream().mapToDouble(rank -> rank[3]).sum());
    }

    /** The smallest of {@code sorted} that {@code percent} of them do not exceed. */
    static double percentile(double[] sorted, int percent) {
        return sorted[(sorted.length * percent + 99) / 100 - 1];
    }

    /** The last sum's time within the communication library. Read by the caller after the sum. */
    private static final class Stopwatch implements HostTransfer {
        private long startNanos;
        private long nanos;

        @Override
        public void fetch() {
            startNanos = System.nanoTime();
        }

        @Override
        public void store() {
            nanos = System.nanoTime() - startNanos;
        }
    }
}

package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.ddp.ChunkTimes;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.device.Timeline.Span;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What the steps of this rank took since the last {@link #reset}: those of full size, and the only one of an epoch that has
 * none. Taking up a step allocates nothing.
 */
public final class StepTimes {
    /**
     * The mean of an operation of a full-size step, over all its micro-batches that are the same work.
     *
     * @param name    as in {@code "2.backward.weight rows 0-1024"}
     * @param flops   of a matrix product, 0 for what is none
     */
    public record OperationTime(String name, Phase phase, double flops, double seconds) {
    }

    /** Where timing waits for the device and needs a graph of its own, one step of so many is timed. */
    private static final int TIMED_EVERY_STEPS = 64;
    /** Chunks' times are kept of evenly spaced steps, at most so many numbers. */
    private static final int KEPT_NUMBERS = 1 << 16;
    private static final int DATA = 0;
    private static final int FORWARD = 1;
    private static final int BACKWARD = 2;
    private static final int EXPOSED = 3;
    private static final int OPTIMIZER = 4;
    private static final int GEMM = 5;
    private static final int FLOPS = 6;
    private static final int SUMS = 7;

    private final Communicator communicator;
    private final Stream stream;
    private final List<ChunkTimes> chunks;
    /** Of the micro-batches of a full-size step, in their order: each once, though it may be repeated. */
    private final Timeline[] fullStep;
    private final long[] repetitions;
    private final boolean timesEveryStep;
    /** Over the timed steps; nanoseconds, and operations. */
    private final double[] sums = new double[SUMS];
    private final double[][] operationNanos;
    private final SpacedRows chunkSeconds;
    private long timedSteps;
    private long timedFullSteps;
    private boolean full;
    private long backwardEnd;
    private long steps;
    private long nanos;
    /** Whether the last step that began is one of those, and the device was not waited for since. */
    private boolean counts;

    /**
     * @param fullStep       of the micro-batches of a step of full size, in order, bound to their ends; those that are the
     *                       same work share one
     * @param timesEveryStep as where a step is done when it returns: timing then costs nothing
     */
    StepTimes(Communicator communicator, Stream stream, List<ChunkTimes> chunks, List<Timeline> fullStep,
            boolean timesEveryStep) {
        this.communicator = communicator;
        this.stream = stream;
        this.chunks = chunks;
        this.fullStep = fullStep.stream().distinct().toArray(Timeline[]::new);
        this.timesEveryStep = timesEveryStep;
        repetitions = Arrays.stream(this.fullStep).mapToLong(each -> Collections.frequency(fullStep, each)).toArray();
        operationNanos = Arrays.stream(this.fullStep).map(each -> new double[each.spans().size()]).toArray(double[][]::new);
        chunkSeconds = new SpacedRows(chunks.size(), Math.max(1, Math.min(256, KEPT_NUMBERS / 2 / (chunks.size() + 1))) * 2);
    }

    /** Forgets what was before, the work still in the device's queue included. */
    public void reset() {
        stream.synchronize();
        Arrays.fill(sums, 0);
        for (double[] each : operationNanos) {
            Arrays.fill(each, 0);
        }
        chunkSeconds.clear();
        timedSteps = 0;
        timedFullSteps = 0;
        steps = 0;
        nanos = 0;
        counts = false;
    }

    /**
     * Begins a step.
     *
     * @param index     in its epoch, or in what is left of that, from 0 on
     * @param fullSteps of that epoch
     * @return whether it is to be timed from within: every step, or the second that counts, since the first may warm up, and
     *         every 64th after it
     */
    boolean begin(int index, int fullSteps) {
        boolean willCount = index < Math.max(1, fullSteps);
        if (!willCount) {
            settle();
        }
        counts = willCount;
        return timesEveryStep || counts && (fullSteps < 2 || steps % TIMED_EVERY_STEPS == 1);
    }

    /** Takes up the wall time of a step, timed from within or not. */
    void stepDone(long stepNanos) {
        if (counts) {
            steps++;
            nanos += stepNanos;
        }
    }

    /** Waits for the device; that time belongs to the steps so far, but for what it takes an idle one to say so. */
    public void settle() {
        long waited = System.nanoTime();
        stream.synchronize();
        if (counts) {
            nanos += System.nanoTime() - waited;
        }
        counts = false;
    }

    /** Takes up a micro-batch that was timed from within and is done, before it is repeated. */
    void microBatchTimed(Timeline timeline, long beginNanos) {
        if (!counts) {
            return;
        }
        long forward = Long.MAX_VALUE;
        long backward = Long.MAX_VALUE;
        backwardEnd = Long.MIN_VALUE;
        int index = indexOf(timeline);
        full = index >= 0;
        List<Span> spans = timeline.spans();
        for (int i = 0; i < spans.size(); i++) {
            Span span = spans.get(i);
            long begin = span.beginNanos();
            long end = span.endNanos();
            if (span.phase() == Phase.FORWARD) {
                forward = Math.min(forward, begin);
            } else if (span.phase() == Phase.BACKWARD) {
                backward = Math.min(backward, begin);
                backwardEnd = Math.max(backwardEnd, end);
            } else if (span.phase() == Phase.OPTIMIZER) {
                sums[OPTIMIZER] += end - begin;
            }
            if (span.flops() > 0) {
                sums[GEMM] += end - begin;
                sums[FLOPS] += span.flops();
            }
            if (full) {
                operationNanos[index][i] += end - begin;
            }
        }
        sums[DATA] += forward - beginNanos;
        sums[FORWARD] += backward - forward;
        sums[BACKWARD] += backwardEnd - backward;
    }

    private int indexOf(Timeline timeline) {
        int index = fullStep.length - 1;
        while (index >= 0 && fullStep[index] != timeline) {
            index--;
        }
        return index;
    }

    /** Takes up the end of a step all of whose micro-batches were. */
    void stepTimed() {
        if (!counts) {
            return;
        }
        sums[EXPOSED] += Math.max(0, lastReducedNanos(backwardEnd) - backwardEnd);
        if (chunkSeconds.next()) {
            for (int i = 0; i < chunks.size(); i++) {
                chunkSeconds.put(i, chunks.get(i).communicationSeconds());
            }
        }
        timedSteps++;
        timedFullSteps += full ? 1 : 0;
    }

    private long lastReducedNanos(long atLeast) {
        long last = atLeast;
        for (int i = 0; i < chunks.size(); i++) {
            last = Math.max(last, chunks.get(i).reducedNanos());
        }
        return last;
    }

    /**
     * By chunk, in the order of sending: mean over steps of the shortest seconds over the ranks. Collective; all zero if no
     * step was timed.
     */
    public double[] chunkSeconds() {
        double[] shortest = chunkSeconds.toArray();
        communicator.allReduceMin(shortest);
        double[] mean = new double[chunks.size()];
        for (int i = 0; i < shortest.length; i++) {
            mean[i % mean.length] += shortest[i] * mean.length / shortest.length;
        }
        return mean;
    }

    /**
     * In the order in which they ran, on this rank; empty if no full-size step was timed. The micro-batches between the first
     * and the last are taken together.
     */
    public List<OperationTime> operations() {
        if (timedFullSteps == 0) {
            return List.of();
        }
        List<OperationTime> times = new ArrayList<>();
        for (int each = 0; each < fullStep.length; each++) {
            List<Span> spans = fullStep[each].spans();
            for (Span span : fullStep[each].inOrder()) {
                times.add(new OperationTime(span.name(), span.phase(), span.flops() * repetitions[each],
                        operationNanos[each][spans.indexOf(span)] / timedFullSteps * 1e-9));
            }
        }
        return times;
    }

    /** Collective; empty if no step was timed. */
    public Optional<StepBreakdown> breakdown() {
        settle();
        double comm = Arrays.stream(chunkSeconds()).sum();
        double stepSeconds = nanos * 1e-9 / Math.max(1, steps);
        double perStep = 1e-9 / Math.max(1, timedSteps);
        double[] own = {sums[DATA] * perStep, sums[FORWARD] * perStep, sums[BACKWARD] * perStep,
            sums[EXPOSED] * perStep, comm, sums[OPTIMIZER] * perStep, stepSeconds,
            sums[FLOPS] * perStep / stepSeconds, sums[GEMM] * perStep / stepSeconds};
        Optional<StepBreakdown> slowest = communicator.allGather(own).stream()
                .map(v -> new StepBreakdown(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]))
                .max(Comparator.comparingDouble(StepBreakdown::stepSeconds));
        return timedSteps == 0 ? Optional.empty() : slowest;
    }
}

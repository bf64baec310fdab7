package dev.lockstep.bench;

import java.util.Arrays;
import java.util.List;

/**
 * The order of a training step as DistributedDataParallel runs it, and no cost but what is given: one thread computes the
 * operations in order; a chunk of gradients is handed over as soon as an operation completes it; another thread sums the
 * chunks one after the other; behind the last operation the first awaits each chunk and updates its parameters, in order.
 * Pure.
 */
public final class Schedule {
    /** Of a step: less than any clock could tell, and more than the sums of its times are rounded by. */
    private static final double ROUNDING = 1e-12;

    /**
     * A chunk of gradients, in the order of sending.
     *
     * @param readyAfter     index of the operation that completes it; not before that of the chunk before
     * @param commSeconds    of its sum over the ranks
     * @param updateSeconds  of its parameters
     * @param stolenFraction of the computing thread's time that is lost while this chunk is summed, 0 … below 1: where
     *                       ranks have no core to spare, moving bytes takes the computing's
     */
    public record Chunk(int readyAfter, double commSeconds, double updateSeconds, double stolenFraction) {
        public Chunk {
            if (readyAfter < 0 || !(commSeconds >= 0) || !(updateSeconds >= 0)
                    || !(stolenFraction >= 0 && stolenFraction < 1)) {
                throw new IllegalArgumentException("a chunk ready after operation " + readyAfter + ", of " + commSeconds
                        + " s communication, " + updateSeconds + " s update, taking " + stolenFraction);
            }
        }
    }

    /**
     * What comes of it, in seconds.
     *
     * @param stepSeconds        to the last update
     * @param computeSeconds     to the end of the last operation
     * @param exposedCommSeconds from there until the last chunk is summed
     * @param commSeconds        of all chunks
     */
    public record Result(double stepSeconds, double computeSeconds, double exposedCommSeconds, double commSeconds) {
        /**
         * The part of communication that runs beside the operations; NaN without communication, exactly 0 where what runs
         * there is no more than rounding.
         */
        public double hiddenFraction() {
            if (!(commSeconds > 0)) {
                return Double.NaN;
            }
            double hidden = commSeconds - exposedCommSeconds;
            return Math.abs(hidden) > ROUNDING * stepSeconds ? hidden / commSeconds : 0;
        }

        /** The same with more updates behind the last one. */
        Result plus(double updateSeconds) {
            return new Result(stepSeconds + updateSeconds, computeSeconds, exposedCommSeconds, commSeconds);
        }
    }

    private final List<Chunk> chunks;
    /** When each chunk was handed over, and its sum begins and ends; known for the first {@code handedOver}. */
    private final double[] begin;
    private final double[] end;
    private int handedOver;
    /** The first chunk whose sum is not known to have ended by {@link #now}. */
    private int summing;
    private double now;

    private Schedule(List<Chunk> chunks) {
        this.chunks = chunks;
        begin = new double[chunks.size()];
        end = new double[chunks.size()];
    }

    /**
     * A step in which communication runs beside the operations.
     *
     * @param operationSeconds in order: data, forward, backward
     */
    public static Result overlapped(double[] operationSeconds, List<Chunk> chunks) {
        check(operationSeconds, chunks);
        Schedule schedule = new Schedule(chunks);
        for (int i = 0; i < operationSeconds.length; i++) {
            schedule.compute(operationSeconds[i]);
            schedule.handOver(i);
        }
        double computed = schedule.now;
        for (int i = 0; i < chunks.size(); i++) {
            schedule.now = Math.max(schedule.now, schedule.end[i]);
            schedule.compute(chunks.get(i).updateSeconds());
        }
        double exposed = chunks.isEmpty() ? 0 : Math.max(0, schedule.end[chunks.size() - 1] - computed);
        return new Result(schedule.now, computed, exposed, commSeconds(chunks));
    }

    /** A step in which the computing thread sums each chunk itself, and then updates its parameters. */
    public static Result sequential(double[] operationSeconds, List<Chunk> chunks) {
        check(operationSeconds, chunks);
        double computed = Arrays.stream(operationSeconds).sum();
        double now = computed;
        double lastSum = computed;
        for (Chunk chunk : chunks) {
            lastSum = now + chunk.commSeconds();
            now = lastSum + chunk.updateSeconds();
        }
        return new Result(now, computed, lastSum - computed, commSeconds(chunks));
    }

    private static double commSeconds(List<Chunk> chunks) {
        return chunks.stream().mapToDouble(Chunk::commSeconds).sum();
    }

    private static void check(double[] operationSeconds, List<Chunk> chunks) {
        int after = 0;
        for (Chunk chunk : chunks) {
            if (chunk.readyAfter() < after || chunk.readyAfter() >= operationSeconds.length) {
                throw new IllegalArgumentException("a chunk that is ready after operation " + chunk.readyAfter() + " of "
                        + operationSeconds.length + ", behind one that is after " + after);
            }
            after = chunk.readyAfter();
        }
    }

    private void handOver(int operation) {
        while (handedOver < chunks.size() && chunks.get(handedOver).readyAfter() == operation) {
            begin[handedOver] = handedOver == 0 ? now : Math.max(now, end[handedOver - 1]);
            end[handedOver] = begin[handedOver] + chunks.get(handedOver).commSeconds();
            handedOver++;
        }
    }

    /** So much work from now on, at the rate that the sums beside it leave. */
    private void compute(double seconds) {
        double left = seconds;
        while (left > 0) {
            while (summing < handedOver && end[summing] <= now) {
                summing++;
            }
            if (summing == handedOver) {
                now += left;
                return;
            }
            // Sums that are handed over follow each other without a gap: one is under way.
            double rate = 1 - chunks.get(summing).stolenFraction();
            double possible = (end[summing] - now) * rate;
            if (possible >= left) {
                now += left / rate;
                return;
            }
            left -= possible;
            now = end[summing];
        }
    }
}

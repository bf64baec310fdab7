package dev.lockstep.bench;

import java.util.Arrays;

/** What is said of repeated measurements: no assumption about how they are distributed, as times are not normal. */
public final class Statistics {
    private static final double TAIL = 0.025;
    /** Of fewer, even the least and the greatest hold the median less often. */
    private static final int FEWEST_FOR_95 = 6;

    /** Ends included. */
    public record Interval(double low, double high) {
    }

    private Statistics() {
    }

    /** The middle value, or the mean of the two in the middle. */
    public static double median(double[] values) {
        double[] sorted = sorted(values);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /**
     * A confidence interval of the median, between two of the values: each of {@code n} values lies above the true median
     * with probability one half, so that how many do is binomial. It holds the median in at least 95 % of cases; of fewer
     * than six values no such interval exists, and the least and the greatest are given.
     */
    public static Interval interval95(double[] values) {
        double[] sorted = sorted(values);
        int n = sorted.length;
        int below = 0;
        // P(at most `below` values lie below the median), for the first `below` for which that is not rare.
        double logProbability = -n * Math.log(2);
        double cumulative = Math.exp(logProbability);
        while (cumulative <= TAIL) {
            below++;
            logProbability += Math.log((double) (n - below + 1) / below);
            cumulative += Math.exp(logProbability);
        }
        int first = Math.max(0, below - 1);
        return new Interval(sorted[first], sorted[n - 1 - first]);
    }

    /** What {@link #interval95} of so many values is. */
    public static String intervalName(int count) {
        return count < FEWEST_FOR_95 ? "least and greatest" : "95 % confidence interval";
    }

    private static double[] sorted(double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("statistics of no values");
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted;
    }
}

package dev.lockstep.bench;

import dev.lockstep.chart.Figures;

/**
 * A figure with the ends of its interval.
 *
 * @param value within the ends
 */
public record Estimate(double value, double low, double high) {
    /** The median of what was measured, with {@link Statistics#interval95}. */
    static Estimate ofMedian(double[] values) {
        Statistics.Interval interval = Statistics.interval95(values);
        return new Estimate(Statistics.median(values), interval.low(), interval.high());
    }

    /** {@code factor} divided by this, which is above zero. */
    Estimate inverted(double factor) {
        return new Estimate(factor / value, factor / high, factor / low);
    }

    /** This divided by {@code other}, which is above zero; the ends are as far apart as those of both allow. */
    Estimate over(Estimate other) {
        return new Estimate(value / other.value, low / other.high, high / other.low);
    }

    Estimate times(double factor) {
        return new Estimate(value * factor, low * factor, high * factor);
    }

    /** {@code "118.0 to 124.0"}: the interval of an estimate in seconds. */
    String inMilliseconds() {
        return Figures.milliseconds(low) + " to " + Figures.milliseconds(high);
    }
}

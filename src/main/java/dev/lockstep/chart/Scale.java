package dev.lockstep.chart;

import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Values to places on an axis.
 *
 * @param ticks ascending; the first and the last are the axis's ends
 */
public record Scale(List<Double> ticks, boolean logarithmic) {
    private static final int MOST_TICKS = 6;
    private static final double[] STEPS = {1, 2, 5, 10, 20};
    /** Of two numbers, below which doubles between them become few. */
    private static final double NARROWEST = 1e-9;

    /** From zero to at least {@code most}, by a round step. */
    public static Scale fromZero(double most) {
        return linear(0, Math.max(0, most));
    }

    /** From at most {@code least} to at least {@code most}, by a round step. */
    public static Scale linear(double least, double most) {
        double size = Math.max(Math.abs(least), Math.abs(most));
        double high = most - least > NARROWEST * size ? most : least + Math.max(1, size);
        double power = Math.pow(10, Math.floor(Math.log10((high - least) / MOST_TICKS)));
        double step = DoubleStream.of(STEPS).map(factor -> factor * power)
                .filter(candidate -> steps(least, high, candidate) <= MOST_TICKS).findFirst().orElseThrow();
        double first = Math.floor(least / step + NARROWEST);
        return new Scale(IntStream.rangeClosed(0, steps(least, high, step)).mapToObj(i -> (first + i) * step).toList(),
                false);
    }

    private static int steps(double least, double most, double step) {
        return (int) (Math.ceil(most / step - NARROWEST) - Math.floor(least / step + NARROWEST));
    }

    /** From a 1, 2 or 5 of some decade to another; of many decades, some of these alone. {@code least} is above zero. */
    public static Scale logarithmic(double least, double most) {
        int first = (int) Math.floor(Math.log10(least));
        int last = (int) Math.ceil(Math.log10(most)) + 1;
        List<Double> ticks = within(first, last, 1, least, most, 1, 2, 5);
        return new Scale(ticks.size() <= MOST_TICKS ? ticks
                : within(first, last, 1 + (last - first) / (MOST_TICKS + 2), least, most, 1), true);
    }

    /** The {@code factors} of the decades from the last that is not above {@code least} to the first beyond {@code most}. */
    private static List<Double> within(int firstDecade, int lastDecade, int stride, double least, double most,
            double... factors) {
        List<Double> ticks = IntStream.rangeClosed(0, (lastDecade - firstDecade + stride - 1) / stride)
                .mapToObj(i -> Math.pow(10, firstDecade + i * stride))
                .flatMap(decade -> DoubleStream.of(factors).mapToObj(factor -> factor * decade)).toList();
        double low = ticks.stream().filter(tick -> tick <= least * (1 + NARROWEST)).reduce(ticks.get(0), Math::max);
        double high = ticks.stream().filter(tick -> tick > low && tick >= most * (1 - NARROWEST)).findFirst().orElseThrow();
        return ticks.stream().filter(tick -> tick >= low && tick <= high).toList();
    }

    /** The same with ends that lie by a part of its length beyond the first and the last tick, and none there. */
    public Scale widened(double part) {
        double first = place(ticks.get(0));
        double last = place(ticks.get(ticks.size() - 1));
        double more = part * (last - first);
        return logarithmic ? new Scale(List.of(Math.exp(first - more), Math.exp(last + more)), true)
                : new Scale(List.of(first - more, last + more), false);
    }

    /** 0 at the first tick, 1 at the last. */
    public double fraction(double value) {
        double first = place(ticks.get(0));
        double last = place(ticks.get(ticks.size() - 1));
        return (place(value) - first) / (last - first);
    }

    private double place(double value) {
        return logarithmic ? Math.log(value) : value;
    }
}

package dev.lockstep.bench;

import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * An axis: values to places on the page.
 *
 * @param ticks ascending; the first and the last are its ends
 * @param from  the place of the first, in pixels; {@code to} that of the last
 */
record Scale(List<Double> ticks, double from, double to, boolean logarithmic) {
    private static final int MOST_TICKS = 6;
    private static final double[] STEPS = {1, 2, 5, 10};

    /** From zero to at least {@code most}, by a round step. */
    static Scale linear(double most, double from, double to) {
        double power = Math.pow(10, Math.floor(Math.log10(most / MOST_TICKS)));
        double step = DoubleStream.of(STEPS).map(factor -> factor * power)
                .filter(candidate -> Math.ceil(most / candidate - 1e-9) <= MOST_TICKS).findFirst().orElse(10 * power);
        int count = (int) Math.ceil(most / step - 1e-9);
        return new Scale(DoubleStream.iterate(0, i -> i <= count, i -> i + 1).map(i -> i * step).boxed().toList(), from, to,
                false);
    }

    /** From a 1, 2 or 5 of some decade to another; of many decades, these alone. */
    static Scale logarithmic(double least, double most, double from, double to) {
        int first = (int) Math.floor(Math.log10(least));
        int last = (int) Math.ceil(Math.log10(most)) + 1;
        List<Double> ticks = within(first, last, least, most, 1, 2, 5);
        return new Scale(ticks.size() <= MOST_TICKS ? ticks : within(first, last, least, most, 1), from, to, true);
    }

    /** The {@code factors} of the decades from the last that is not above {@code least} to the first beyond {@code most}. */
    private static List<Double> within(int firstDecade, int lastDecade, double least, double most, double... factors) {
        List<Double> ticks = IntStream.rangeClosed(firstDecade, lastDecade).boxed()
                .flatMap(decade -> DoubleStream.of(factors).map(factor -> factor * Math.pow(10, decade)).boxed()).toList();
        double low = ticks.stream().filter(tick -> tick <= least * (1 + 1e-9)).reduce(ticks.get(0), Math::max);
        double high = ticks.stream().filter(tick -> tick > low && tick >= most * (1 - 1e-9)).findFirst().orElseThrow();
        return ticks.stream().filter(tick -> tick >= low && tick <= high).toList();
    }

    double at(double value) {
        double first = place(ticks.get(0));
        double last = place(ticks.get(ticks.size() - 1));
        return from + (to - from) * (place(value) - first) / (last - first);
    }

    private double place(double value) {
        return logarithmic ? Math.log(value) : value;
    }
}

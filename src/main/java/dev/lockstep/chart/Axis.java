package dev.lockstep.chart;

import java.util.List;
import java.util.function.DoubleFunction;

/**
 * What is said beside an axis.
 *
 * @param ticks within the scale's ends
 */
public record Axis(String title, Scale scale, List<Tick> ticks) {
    /** @param major keeps its text where there is not place enough for all */
    public record Tick(double value, String text, boolean major) {
    }

    /** With a tick at each of the scale's. */
    public static Axis of(String title, Scale scale, DoubleFunction<String> text) {
        return new Axis(title, scale,
                scale.ticks().stream().map(tick -> new Tick(tick, text.apply(tick), true)).toList());
    }
}

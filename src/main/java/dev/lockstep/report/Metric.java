package dev.lockstep.report;

import dev.lockstep.chart.Figures;
import java.util.Locale;

/**
 * A figure of a model, computed on one of the data's splits.
 *
 * @param name as in metrics.jsonl behind the split's prefix: {@code "loss"}, {@code "accuracy"}
 */
record Metric(String name, Split split) {
    /** {@code "Top 5"}. */
    static String title(String name) {
        String words = name.replace('_', ' ');
        return words.substring(0, 1).toUpperCase(Locale.ROOT) + words.substring(1);
    }

    /** Whether it is a share of samples, of which more is better. */
    static boolean isShare(String name) {
        return name.startsWith("accuracy") || name.startsWith("top");
    }

    /** {@code "87.63 %"}, {@code "0.3416"}. */
    String text(double value) {
        return isShare(name) ? String.format(Locale.ROOT, "%.2f %%", 100 * value) : Figures.number(value);
    }

    /** {@code "test accuracy"}. */
    String text() {
        return split.text + " " + name.replace('_', ' ');
    }
}

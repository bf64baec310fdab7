package dev.lockstep.bench;

import java.util.Locale;

/** Numbers as people read them. */
final class Figures {
    private static final int DIGITS = 4;
    private static final String PREFIXES = " kMGTP";

    private Figures() {
    }

    /** With the first four digits, or all before the point: {@code 0.1234}, {@code 120.0}, {@code 12,345}. */
    static String number(double value) {
        int decimals = value == 0 ? 0 : DIGITS - 1 - (int) Math.floor(Math.log10(Math.abs(value)));
        return String.format(Locale.ROOT, "%,." + Math.max(0, decimals) + "f", value);
    }

    /** Without what says nothing: {@code 0.5}, {@code 20,000}. */
    static String tick(double value) {
        String text = number(value);
        return text.contains(".") ? text.replaceFirst("\\.?0+$", "") : text;
    }

    /** With a metric prefix for thousands, millions, …: {@code 500}, {@code 20 k}. */
    static String metric(double value) {
        int thousands = Math.min(PREFIXES.length() - 1, Math.max(0, (int) (Math.log10(value) + 1e-9) / 3));
        return (tick(value / Math.pow(1000, thousands)) + " " + PREFIXES.charAt(thousands)).strip();
    }

    static String milliseconds(double seconds) {
        return number(seconds * 1e3);
    }

    static String percent(double fraction) {
        return String.format(Locale.ROOT, "%.1f %%", fraction * 100);
    }

    /** {@code "118.0 to 124.0"}: the interval. */
    static String milliseconds(Estimate seconds) {
        return milliseconds(seconds.low()) + " to " + milliseconds(seconds.high());
    }
}

package dev.lockstep.chart;

import java.util.Locale;

/** Numbers as people read them. */
public final class Figures {
    private static final int DIGITS = 4;
    private static final double LARGE = 1e9;
    private static final double SMALL = 1e-5;
    private static final String PREFIXES = " kMGTP";

    private Figures() {
    }

    /**
     * With the first four digits, or all before the point: {@code 0.1234}, {@code 120.0}, {@code 12,345}; what is too long
     * so with a power of ten.
     */
    public static String number(double value) {
        double size = Math.abs(value);
        if (size >= LARGE || size < SMALL && value != 0) {
            return String.format(Locale.ROOT, "%." + (DIGITS - 1) + "e", value);
        }
        int decimals = value == 0 ? 0 : DIGITS - 1 - (int) Math.floor(Math.log10(size));
        return String.format(Locale.ROOT, "%,." + Math.max(0, decimals) + "f", value);
    }

    /** Without what says nothing: {@code 0.5}, {@code 20,000}. */
    public static String tick(double value) {
        String text = number(value);
        return text.contains(".") ? text.replaceFirst("\\.?0+(?=e|$)", "") : text;
    }

    /** With a metric prefix for thousands, millions, …: {@code 500}, {@code 20 k}. */
    public static String metric(double value) {
        int thousands = Math.min(PREFIXES.length() - 1, Math.max(0, (int) (Math.log10(value) + 1e-9) / 3));
        return (tick(value / Math.pow(1000, thousands)) + " " + PREFIXES.charAt(thousands)).strip();
    }

    public static String milliseconds(double seconds) {
        return number(seconds * 1e3);
    }

    public static String percent(double fraction) {
        return String.format(Locale.ROOT, "%.1f %%", fraction * 100);
    }
}

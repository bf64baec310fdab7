package dev.lockstep.bench;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/** Numbers as people read them. */
final class Figures {
    private static final MathContext FOUR_DIGITS = new MathContext(4);

    private Figures() {
    }

    /** Four digits that count, all before the point, with thousands apart: {@code 0.1234}, {@code 12,345}. */
    static String number(double value) {
        return Math.abs(value) >= 1000 ? String.format(Locale.ROOT, "%,.0f", value)
                : value == 0 ? "0" : new BigDecimal(value).round(FOUR_DIGITS).toPlainString();
    }

    /** Without what says nothing: {@code 0.5}, {@code 20,000}. */
    static String tick(double value) {
        String text = number(value);
        return text.contains(".") ? text.replaceFirst("\\.?0+$", "") : text;
    }

    static String milliseconds(double seconds) {
        return number(seconds * 1e3);
    }

    static String percent(double fraction) {
        return String.format(Locale.ROOT, "%.1f %%", fraction * 100);
    }

    /** {@code "1.2 to 1.4"} of figures that {@code unit} turns into the numbers to show. */
    static String milliseconds(Estimate seconds) {
        return milliseconds(seconds.low()) + " to " + milliseconds(seconds.high());
    }
}

package dev.lockstep.bench;

import dev.lockstep.InvalidInputException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The nominal rate of a link between hosts, as a network card's or as tc's.
 *
 * @param text as it was given: {@code "1gbit"}, {@code "2.5 Gbit/s"}
 */
public record LinkRate(String text, double bitsPerSecond) {
    private static final Pattern PATTERN = Pattern.compile("([0-9]{1,9}(?:\\.[0-9]{1,9})?) ?([kmgt]?)bit(?:/s)?");

    /** @throws InvalidInputException if it is none */
    public static LinkRate parse(String text) {
        Matcher matcher = PATTERN.matcher(text.strip().toLowerCase(Locale.ROOT));
        double number = matcher.matches() ? Double.parseDouble(matcher.group(1)) : 0;
        if (number == 0) {
            throw new InvalidInputException("'" + text + "' is no rate of a link; give one such as 1gbit or 100mbit");
        }
        return new LinkRate(text, number * Math.pow(1000, " kmgt".indexOf((matcher.group(2) + " ").charAt(0))));
    }

    public double bytesPerSecond() {
        return bitsPerSecond / Byte.SIZE;
    }
}

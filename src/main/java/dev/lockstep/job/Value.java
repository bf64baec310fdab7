package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A value of a file, read as what its key stands for. Numbers and booleans are those of YAML 1.2's core schema,
 * in decimal ({@code 1e-3} is a number, {@code yes} is not a boolean), and never quoted.
 */
record Value(String path, YamlNode node) {
    private static final Pattern WHOLE_NUMBER = Pattern.compile("[-+]?[0-9]+");
    private static final Pattern NUMBER = Pattern.compile("[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]+)?");
    private static final Pattern FLAG = Pattern.compile("true|True|TRUE|false|False|FALSE");

    /** How messages tell what {@link #isFloat} holds numbers to. */
    static final String FLOAT_RANGE = "a number of a float's size, from 1.2e-38 to 3.4e38";

    boolean isNull() {
        return node instanceof YamlNode.Scalar scalar && scalar.isNull();
    }

    /** Whether this is the word itself: {@code auto}, say, where a number may stand too. */
    boolean is(String word) {
        return node instanceof YamlNode.Scalar scalar && scalar.text().equals(word);
    }

    YamlNode.Mapping mapping() {
        if (node instanceof YamlNode.Mapping mapping) {
            return mapping;
        }
        throw mustBe("a map of keys");
    }

    /** The values of a list. */
    List<Value> items(String expected) {
        if (!(node instanceof YamlNode.Sequence list)) {
            throw mustBe(expected);
        }
        return IntStream.range(0, list.items().size())
                .mapToObj(i -> new Value(path + "." + i, list.items().get(i))).toList();
    }

    long wholeNumber(long min, long max) {
        return wholeNumber(min, max, "");
    }

    /** @param otherwise what else the key takes, for the message */
    long wholeNumber(long min, long max, String otherwise) {
        String expected = "a whole number from " + min + " to " + max + otherwise;
        String digits = plain(WHOLE_NUMBER, expected);
        try {
            long number = Long.parseLong(digits);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // More digits than a long has: out of range like the others.
        }
        throw mustBe(expected);
    }

    int wholeInt(int min) {
        return Math.toIntExact(wholeNumber(min, Integer.MAX_VALUE));
    }

    /** Whether this is plain text that stands for a number. */
    boolean isNumber() {
        return isPlain(NUMBER);
    }

    /** Of a value that {@link #isNumber}. */
    BigDecimal decimal() {
        try {
            return new BigDecimal(((YamlNode.Scalar) node).text());
        } catch (NumberFormatException e) {
            throw mustBe("a number whose exponent has fewer digits");
        }
    }

    double number() {
        return finite("a finite number");
    }

    double numberFromZero() {
        double number = finite("a finite number of at least 0");
        if (number < 0) {
            throw mustBe("a finite number of at least 0");
        }
        return number;
    }

    /** A number that is computed with as a float, where it must neither become infinite nor lose its digits. */
    double floatNumber() {
        return asFloat(number());
    }

    /** Likewise. */
    double floatFromZero() {
        return asFloat(numberFromZero());
    }

    private double asFloat(double number) {
        if (number != 0 && !isFloat(number)) {
            throw mustBe("0 or " + FLOAT_RANGE);
        }
        return number;
    }

    static boolean isFloat(double number) {
        return Math.abs(number) >= Float.MIN_NORMAL && Math.abs(number) <= Float.MAX_VALUE;
    }

    /** @param otherwise what else the key takes, for the message */
    double numberAboveZero(String otherwise) {
        String expected = "a finite number above 0" + otherwise;
        double number = finite(expected);
        // It is computed with as a float.
        if ((float) number <= 0) {
            throw mustBe(expected);
        }
        return number;
    }

    private double finite(String expected) {
        double number = Double.parseDouble(plain(NUMBER, expected));
        if (!Double.isFinite(number)) {
            throw mustBe(expected);
        }
        return number + 0.0; // −0 becomes 0
    }

    /** Whether this is plain text that stands for true or false. */
    boolean isFlag() {
        return isPlain(FLAG);
    }

    boolean flag() {
        String expected = "true or false";
        return switch (plain(FLAG, expected)) {
            case "true", "True", "TRUE" -> true;
            default -> false;
        };
    }

    /** Text as it stands, quoted or not; not empty. */
    String text(String expected) {
        if (node instanceof YamlNode.Scalar scalar && !scalar.isNull() && !scalar.text().isEmpty()) {
            return scalar.text();
        }
        throw mustBe(expected);
    }

    <E extends Enum<E>> E choice(Class<E> type) {
        return Arrays.stream(type.getEnumConstants())
                .filter(choice -> is(spelling(choice)))
                .findFirst()
                .orElseThrow(() -> mustBe(Arrays.stream(type.getEnumConstants())
                        .map(Value::spelling)
                        .collect(Collectors.joining(", ", type.getEnumConstants().length > 1 ? "one of " : "", ""))));
    }

    /** How a job file spells a constant: {@code CROSS_ENTROPY} as {@code cross-entropy}. */
    static String spelling(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    long bytes(long min, long max) {
        String expected = "a size from " + Units.BYTES.format(min) + " to " + Units.BYTES.format(max) + " such as 4MiB";
        long bytes = Units.BYTES.parse(plain(Units.PATTERN, expected)).orElseThrow(() -> mustBe(expected));
        if (bytes < min || bytes > max) {
            throw mustBe(expected);
        }
        return bytes;
    }

    Duration duration(Duration max) {
        String expected = "a time above 0, at most " + Units.MILLISECONDS.format(max.toMillis()) + ", such as 60s or 5m";
        long millis = Units.MILLISECONDS.parse(plain(Units.PATTERN, expected)).orElseThrow(() -> mustBe(expected));
        if (millis < 1 || millis > max.toMillis()) {
            throw mustBe(expected);
        }
        return Duration.ofMillis(millis);
    }

    private boolean isPlain(Pattern pattern) {
        return node instanceof YamlNode.Scalar scalar && scalar.plain() && pattern.matcher(scalar.text()).matches();
    }

    private String plain(Pattern pattern, String expected) {
        if (isPlain(pattern)) {
            return ((YamlNode.Scalar) node).text();
        }
        throw mustBe(expected);
    }

    InvalidInputException mustBe(String expected) {
        return error(Text.quoted(path) + " must be " + expected + ", not " + found());
    }

    private String found() {
        if (node instanceof YamlNode.Sequence) {
            return "a list";
        }
        if (node instanceof YamlNode.Mapping) {
            return "a map";
        }
        YamlNode.Scalar scalar = (YamlNode.Scalar) node;
        if (scalar.isNull()) {
            return "null";
        }
        return scalar.plain() ? Text.quoted(scalar.text()) : "the quoted text " + Text.quoted(scalar.text());
    }

    InvalidInputException error(String problem) {
        return node.at().error(problem);
    }
}

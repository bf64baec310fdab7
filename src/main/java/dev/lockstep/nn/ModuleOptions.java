package dev.lockstep.nn;

import dev.lockstep.InvalidInputException;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * What a job file says of a custom module beside its class; the module's constructor asks for each option by name. Every
 * method throws {@link InvalidInputException} where the option is of another type, or missing without a default.
 */
public final class ModuleOptions {
    private final Map<String, ?> values;
    private final TreeSet<String> known = new TreeSet<>();

    private ModuleOptions(Map<String, ?> values) {
        this.values = Map.copyOf(values);
    }

    /**
     * Options as a job file would give them.
     *
     * @param values numbers, booleans, texts, or lists of these
     */
    public static ModuleOptions of(Map<String, ?> values) {
        return new ModuleOptions(values);
    }

    /** A required number. */
    public double number(String name) {
        return required(name, "a finite number", ModuleOptions::number);
    }

    /** A number, or {@code defaultValue} where the job file leaves it out. */
    public double number(String name, double defaultValue) {
        return isGiven(name) ? number(name) : defaultValue;
    }

    /** A required whole number. */
    public int integer(String name) {
        return required(name, "a whole number of at most " + Integer.MAX_VALUE, ModuleOptions::integer);
    }

    /** A whole number, or {@code defaultValue} where the job file leaves it out. */
    public int integer(String name, int defaultValue) {
        return isGiven(name) ? integer(name) : defaultValue;
    }

    /** A list of whole numbers, such as the sizes of layers; empty where the job file leaves it out. */
    public List<Integer> integers(String name) {
        return isGiven(name) ? required(name, "a list of whole numbers", ModuleOptions::integers) : List.of();
    }

    /** True or false, or {@code defaultValue} where the job file leaves it out. */
    public boolean flag(String name, boolean defaultValue) {
        return isGiven(name) ? required(name, "true or false", value -> (Boolean) value) : defaultValue;
    }

    /** A required text. */
    public String text(String name) {
        return required(name, "text", value -> (String) value);
    }

    /** A text, or {@code defaultValue} where the job file leaves it out. */
    public String text(String name, String defaultValue) {
        return isGiven(name) ? text(name) : defaultValue;
    }

    /** @throws InvalidInputException naming an option that is given and that nobody has asked for */
    public void requireAllKnown() {
        for (String name : new TreeSet<>(values.keySet())) {
            if (!known.contains(name)) {
                throw new InvalidInputException("option '" + name + "' is unknown; "
                        + (known.isEmpty() ? "there are none" : "there are " + String.join(", ", known)));
            }
        }
    }

    private boolean isGiven(String name) {
        known.add(name);
        return values.containsKey(name);
    }

    private <T> T required(String name, String expected, Function<Object, T> convert) {
        if (!isGiven(name)) {
            throw new InvalidInputException("option '" + name + "' is missing; give it " + expected);
        }
        Object value = values.get(name);
        try {
            return convert.apply(value);
        } catch (ClassCastException | ArithmeticException | NumberFormatException e) {
            throw new InvalidInputException("option '" + name + "' must be " + expected + ", not " + shown(value), e);
        }
    }

    private static String shown(Object value) {
        return value instanceof String ? "the text '" + value + "'" : value.toString();
    }

    private static BigDecimal decimal(Object value) {
        return new BigDecimal(((Number) value).toString());
    }

    private static double number(Object value) {
        double number = decimal(value).doubleValue();
        if (!Double.isFinite(number)) {
            throw new ArithmeticException("too large");
        }
        return number;
    }

    private static int integer(Object value) {
        return decimal(value).intValueExact();
    }

    private static List<Integer> integers(Object value) {
        return ((List<?>) value).stream().map(ModuleOptions::integer).toList();
    }
}

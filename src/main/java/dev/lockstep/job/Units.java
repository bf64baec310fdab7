package dev.lockstep.job;

import java.math.BigInteger;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Whole numbers with a unit, in the spelling of job files. */
public enum Units {
    /** Sizes; a number alone counts bytes. */
    BYTES(new String[] {"GiB", "MiB", "KiB", "B", ""}, new long[] {1L << 30, 1L << 20, 1L << 10, 1, 1}),

    /** Times; the unit is required. */
    MILLISECONDS(new String[] {"h", "m", "s", "ms"}, new long[] {3_600_000, 60_000, 1_000, 1});

    /** What either may look like. */
    static final Pattern PATTERN = Pattern.compile("([0-9]{1,19}) ?([A-Za-z]*)");

    private final String[] names;
    private final long[] factors;

    Units(String[] names, long[] factors) {
        this.names = names;
        this.factors = factors;
    }

    /** Empty if the unit is not one of these or the number is beyond a long. */
    public OptionalLong parse(String text) {
        Matcher matcher = PATTERN.matcher(text);
        if (matcher.matches()) {
            for (int i = 0; i < names.length; i++) {
                if (names[i].equals(matcher.group(2))) {
                    BigInteger number = new BigInteger(matcher.group(1)).multiply(BigInteger.valueOf(factors[i]));
                    return number.bitLength() < Long.SIZE ? OptionalLong.of(number.longValue()) : OptionalLong.empty();
                }
            }
        }
        return OptionalLong.empty();
    }

    /** In the largest unit of which {@code number}, at least 1, is a whole multiple. */
    public String format(long number) {
        int unit = 0;
        while (number % factors[unit] != 0) {
            unit++;
        }
        return number / factors[unit] + names[unit];
    }
}

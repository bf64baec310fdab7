package dev.lockstep.data;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;

/**
 * Numbers written in decimal, {@code -12.5e3}, to the nearest double, as Python's float() and Double.parseDouble give it,
 * but from bytes and without an object for each. With few digits, one exact multiplication or division does it (Clinger,
 * 1990); with up to 18, as programs write doubles that are to be read back, a product of 128 bits (Lemire, "Number parsing at
 * a gigabyte per second", 2021); what is left, a handful in a million, goes to Double.parseDouble.
 */
final class Decimal {
    /** A digit can be appended to what is not above it. */
    private static final long LARGEST_PREFIX = Long.MAX_VALUE / 10 - 1;
    private static final int LARGEST_EXPONENT = 99_999;

    private static final long LARGEST_EXACT = 1L << 53;
    /** Powers of ten that are doubles. */
    private static final double[] EXACT_POWERS = new double[23];

    /** Powers of five from 5^-27 to 5^55 to 128 bits, the highest of them set; those of negative exponents rounded up. */
    private static final int FIRST_POWER = -27;
    private static final int LAST_POWER = 55;
    private static final long[] POWERS_HIGH = new long[LAST_POWER - FIRST_POWER + 1];
    private static final long[] POWERS_LOW = new long[LAST_POWER - FIRST_POWER + 1];

    /** Bits of the upper half of a product below those that a double keeps, with one to round by. */
    private static final int SPARE_BITS = 9;

    static {
        EXACT_POWERS[0] = 1;
        for (int i = 1; i < EXACT_POWERS.length; i++) {
            EXACT_POWERS[i] = EXACT_POWERS[i - 1] * 10;
        }
        for (int exponent = FIRST_POWER; exponent <= LAST_POWER; exponent++) {
            BigInteger power = BigInteger.valueOf(5).pow(Math.abs(exponent));
            BigInteger bits = exponent >= 0 ? power.shiftLeft(128 - power.bitLength())
                    : BigInteger.ONE.shiftLeft(127 + power.bitLength()).divide(power).add(BigInteger.ONE);
            POWERS_HIGH[exponent - FIRST_POWER] = bits.shiftRight(64).longValue();
            POWERS_LOW[exponent - FIRST_POWER] = bits.longValue();
        }
    }

    private Decimal() {
    }

    /**
     * The number in {@code text[start … end)}; NaN if that is none. Infinite if it is too large.
     */
    static double parse(byte[] text, int start, int end) {
        int at = start;
        boolean negative = at < end && text[at] == '-';
        if (negative || at < end && text[at] == '+') {
            at++;
        }
        long digits = 0;
        boolean all = true;
        int first = at;
        for (; at < end; at++) {
            int digit = text[at] - '0';
            if (digit < 0 || digit > 9) {
                break;
            }
            all &= digits <= LARGEST_PREFIX;
            digits = 10 * digits + digit;
        }
        int count = at - first;
        int exponent = 0;
        if (at < end && text[at] == '.') {
            first = ++at;
            for (; at < end; at++) {
                int digit = text[at] - '0';
                if (digit < 0 || digit > 9) {
                    break;
                }
                all &= digits <= LARGEST_PREFIX;
                digits = 10 * digits + digit;
            }
            exponent = first - at;
            count += at - first;
        }
        if (count == 0) {
            return Double.NaN;
        }
        if (at < end && (text[at] == 'e' || text[at] == 'E')) {
            at++;
            boolean down = at < end && text[at] == '-';
            if (down || at < end && text[at] == '+') {
                at++;
            }
            first = at;
            int written = 0;
            for (; at < end; at++) {
                int digit = text[at] - '0';
                if (digit < 0 || digit > 9) {
                    break;
                }
                written = Math.min(LARGEST_EXPONENT, 10 * written + digit);
            }
            if (at == first) {
                return Double.NaN;
            }
            exponent += down ? -written : written;
        }
        if (at != end) {
            return Double.NaN;
        }
        double value = all ? scaled(digits, exponent) : Double.NaN;
        if (Double.isNaN(value)) {
            return Double.parseDouble(new String(text, start, end - start, StandardCharsets.ISO_8859_1));
        }
        return negative ? -value : value;
    }

    /** digits, an unsigned number, · 10^exponent to the nearest double; NaN where that is not known here. */
    static double scaled(long digits, int exponent) {
        if (digits >= 0 && digits <= LARGEST_EXACT && Math.abs(exponent) < EXACT_POWERS.length) {
            return exponent < 0 ? digits / EXACT_POWERS[-exponent] : digits * EXACT_POWERS[exponent];
        }
        if (digits == 0) {
            return 0;
        }
        if (exponent < FIRST_POWER || exponent > LAST_POWER) {
            return Double.NaN;
        }
        int shift = Long.numberOfLeadingZeros(digits);
        long factor = digits << shift;
        long powerHigh = POWERS_HIGH[exponent - FIRST_POWER];
        long high = multiplyHigh(factor, powerHigh);
        long low = factor * powerHigh;
        long spare = (1L << SPARE_BITS) - 1;
        if ((high & spare) == spare) {
            // The lower half of the power may carry into the bits that are kept.
            long carried = low + multiplyHigh(factor, POWERS_LOW[exponent - FIRST_POWER]);
            if (Long.compareUnsigned(carried, low) < 0) {
                high++;
            }
            low = carried;
        }
        // Of a product of two numbers with their highest bits set, that or the one below is set.
        int top = (int) (high >>> 63);
        long mantissa = high >>> top + SPARE_BITS;
        boolean tie = Long.compareUnsigned(low, 1) <= 0 && exponent >= -4 && exponent <= 23 && (mantissa & 3) == 1
                && mantissa << top + SPARE_BITS == high;
        mantissa = (tie ? mantissa : mantissa + (mantissa & 1)) >>> 1;
        // floor(exponent · log2(10)) + 63 is that of the highest bit of the 128; the product below is exact.
        int binaryExponent = ((152170 + 65536) * exponent >> 16) + 63 + top - shift - 52;
        return mantissa * Double.longBitsToDouble((long) (binaryExponent + Double.MAX_EXPONENT) << 52);
    }

    /** The upper half of the product of two unsigned numbers. */
    private static long multiplyHigh(long a, long b) {
        return Math.multiplyHigh(a, b) + (a >> 63 & b) + (b >> 63 & a);
    }
}

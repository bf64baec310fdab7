package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DecimalTest {
    @Property(tries = 20000, seed = "91")
    void shouldReadEveryDoubleThatIsWrittenToBeReadBack(@ForAll long bits) {
        double number = Double.longBitsToDouble(bits);
        if (Double.isFinite(number)) {
            check(Double.toString(number));
            check(new BigDecimal(number).round(new java.math.MathContext(17)).toString());
        }
    }

    @Property(tries = 20000, seed = "92")
    void shouldReadNumbersAsDoubleParseDoubleDoes(@ForAll long seed) {
        Random random = new Random(seed);
        StringBuilder text = new StringBuilder(random.nextInt(3) == 0 ? "-" : random.nextInt(5) == 0 ? "+" : "");
        digits(text, random, random.nextInt(12));
        if (random.nextInt(4) > 0) {
            text.append('.');
            digits(text, random, random.nextInt(14));
        }
        if (!text.chars().anyMatch(Character::isDigit)) {
            text.append(random.nextInt(10));
        }
        if (random.nextInt(3) == 0) {
            text.append(random.nextBoolean() ? "e" : "E").append(random.nextInt(random.nextBoolean() ? 40 : 700) - 20);
        }
        check(text.toString());
    }

    private static void digits(StringBuilder text, Random random, int count) {
        boolean zeros = random.nextInt(3) == 0;
        for (int i = 0; i < count; i++) {
            text.append(zeros && i < count / 2 ? 0 : random.nextInt(10));
        }
    }

    /** Where rounding is hardest: halfway between two doubles, and next to it. */
    @Property(tries = 5000, seed = "93")
    void shouldRoundHalfwayToEven(@ForAll long seed) {
        Random random = new Random(seed);
        double number = Math.scalb(1 + random.nextDouble(), random.nextInt(110) - 50);
        BigDecimal half = new BigDecimal(number).add(new BigDecimal(Math.nextUp(number))).divide(BigDecimal.valueOf(2));
        check(half.toPlainString());
        for (int digits = 15; digits <= 20; digits++) {
            check(half.setScale(Math.max(0, digits - half.precision() + half.scale()), RoundingMode.DOWN).toString());
        }
        // With few enough digits to be exact.
        check(BigDecimal.valueOf((1L << 53) + random.nextInt(1 << 20)).multiply(BigDecimal.valueOf(5).pow(random.nextInt(4)))
                .movePointLeft(random.nextInt(5)).toPlainString());
    }

    private static void check(String text) {
        byte[] bytes = ("x" + text + "9").getBytes(StandardCharsets.ISO_8859_1);
        assertEquals(Double.doubleToRawLongBits(Double.parseDouble(text)),
                Double.doubleToRawLongBits(Decimal.parse(bytes, 1, bytes.length - 1)), text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-0", "-0.0", "00012", "1.", ".5", "0.1", "1e22", "1e23", "8.41e21", "9007199254740993",
            "1e-324",
        "4.9e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "1e309", "-1e400", "1e99999999999", "0e99999999999",
        "123456789012345678901234567890", "9223372036854775807", "9223372036854775808", "18446744073709551615",
        "18446744073709551616",
        "0.000000000000000000000000000000000001", "1e-27", "1e55", "1e56", "123456789012345678e-28"})
    void shouldReadTheLimits(String text) {
        check(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-", "+", ".", "-.", "e5", ".e5", "1e", "1e+", "1e-", "1 ", " 1", "1,2", "1_000", "0x10",
            "NaN", "Infinity",
        "inf", "1d", "1f", "--1", "+-1", "1.2.3", "1e5.0", "१", "1e5e5"})
    void shouldSayWhatIsNoNumber(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        assertTrue(Double.isNaN(Decimal.parse(bytes, 0, bytes.length)), text);
    }
}

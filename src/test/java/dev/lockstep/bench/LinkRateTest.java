package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LinkRateTest {
    @ParameterizedTest
    @CsvSource({"1gbit, 1e9", "2.5 Gbit/s, 2.5e9", "100mbit, 1e8", "7kbit/s, 7000", "300bit, 300", "0.1tbit, 1e11"})
    void shouldReadRates(String text, double bitsPerSecond) {
        assertEquals(bitsPerSecond, LinkRate.parse(text).bitsPerSecond(), 1e-9 * bitsPerSecond);
        assertEquals(text, LinkRate.parse(text).text());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "gbit", "1gb", "1GiB", "0gbit", "-1gbit", "1e3mbit", "1 gbit per second"})
    void shouldRefuseWhatIsNone(String text) {
        InvalidInputException e = assertThrows(InvalidInputException.class, () -> LinkRate.parse(text));
        assertEquals("'" + text + "' is no rate of a link; give one such as 1gbit or 100mbit", e.getMessage());
    }
}

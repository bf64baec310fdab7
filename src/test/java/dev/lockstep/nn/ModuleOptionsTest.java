package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ModuleOptionsTest {
    private final ModuleOptions options = ModuleOptions.of(Map.of("beta", new BigDecimal("1.5"), "n", 3, "big", 1e300,
            "on", true, "mode", "fast", "sizes", List.of(4, new BigDecimal("2E+1")), "mixed", List.of(1, "two")));

    @Test
    void shouldGiveWhatIsAskedFor() {
        assertEquals(1.5, options.number("beta"));
        assertEquals(3, options.number("n", 7));
        assertEquals(3, options.integer("n"));
        assertEquals(true, options.flag("on", false));
        assertEquals("fast", options.text("mode"));
        assertEquals(List.of(4, 20), options.integers("sizes"));
    }

    @Test
    void shouldGiveTheDefaultOfWhatIsLeftOut() {
        assertEquals(0.5, options.number("absent", 0.5));
        assertEquals(5, options.integer("absent", 5));
        assertEquals(true, options.flag("absent", true));
        assertEquals("slow", options.text("absent", "slow"));
        assertEquals(List.of(), options.integers("absent"));
    }

    @Test
    void shouldRefuseWhatIsMissingOrOfAnotherType() {
        refused("option 'absent' is missing; give it a finite number", () -> options.number("absent"));
        refused("option 'mode' must be a finite number, not the text 'fast'", () -> options.number("mode", 1));
        refused("option 'beta' must be a whole number of at most 2147483647, not 1.5", () -> options.integer("beta"));
        refused("option 'big' must be a whole number of at most 2147483647, not 1.0E300", () -> options.integer("big"));
        refused("option 'n' must be true or false, not 3", () -> options.flag("n", true));
        refused("option 'on' must be text, not true", () -> options.text("on"));
        refused("option 'n' must be a list of whole numbers, not 3", () -> options.integers("n"));
        refused("option 'mixed' must be a list of whole numbers, not [1, two]", () -> options.integers("mixed"));
    }

    @Test
    void shouldNameAnOptionThatNobodyHasAskedFor() {
        ModuleOptions misspelt = ModuleOptions.of(Map.of("betta", 1));
        refused("option 'betta' is unknown; there are none", misspelt::requireAllKnown);
        misspelt.number("gamma", 1);
        misspelt.number("beta", 1);
        refused("option 'betta' is unknown; there are beta, gamma", misspelt::requireAllKnown);
        misspelt.number("betta");
        misspelt.requireAllKnown();
    }

    private static void refused(String message, Executable body) {
        assertEquals(message, assertThrows(InvalidInputException.class, body).getMessage());
    }
}

package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import org.junit.jupiter.api.function.Executable;

/** The form that every message about bad input has. */
final class BadInput {
    private BadInput() {
    }

    /** Expects one line that holds all {@code parts}, and, behind a semicolon, what to do. */
    static void refused(Executable code, String... parts) {
        String message = assertThrows(InvalidInputException.class, code).getMessage();
        assertFalse(message.contains("\n"), message);
        assertTrue(message.matches(".+; [a-z].+"), message);
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "expected \"" + part + "\" in: " + message);
        }
    }
}

package dev.lockstep.data;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Text of data files. */
final class Utf8 {
    private static final int SHOWN_CHARACTERS = 40;

    private Utf8() {
    }

    /** The text; empty if the bytes are no UTF-8. */
    static Optional<String> decode(byte[] bytes, int start, int end) {
        try {
            return Optional.of(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, start, end - start)).toString());
        } catch (CharacterCodingException e) {
            return Optional.empty();
        }
    }

    /** As a message shows it, quoted and cut where it is long; what is no UTF-8, and what could break the line, is replaced. */
    static String excerpt(byte[] bytes, int start, int end) {
        return quoted(new String(bytes, start, Math.min(end - start, 4 * SHOWN_CHARACTERS + 4), StandardCharsets.UTF_8));
    }

    static String quoted(String text) {
        String shown = text.length() <= SHOWN_CHARACTERS ? text : text.substring(0, SHOWN_CHARACTERS) + "…";
        return "'" + shown.replaceAll("[\\p{C}\\p{Zl}\\p{Zp}]", "\uFFFD") + "'";
    }
}

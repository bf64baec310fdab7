package dev.lockstep.job;

import java.util.function.IntPredicate;

/** Text from the user, made fit for a message or for YAML. */
final class Text {
    private static final int SHOWN_CHARACTERS = 60;

    private Text() {}

    /** The text with everything escaped that could break a line or disturb a terminal. */
    static String oneLine(String text) {
        return escape(text, codePoint -> !isHarmless(codePoint));
    }

    /** A value or key as a message shows it: quoted, and cut where it is long. */
    static String quoted(String text) {
        return "'" + cut(text) + "'";
    }

    private static String cut(String text) {
        if (text.length() <= SHOWN_CHARACTERS) {
            return text;
        }
        return text.substring(0, SHOWN_CHARACTERS) + "…";
    }

    /** The text as a double-quoted YAML scalar. */
    static String yaml(String text) {
        return '"' + escape(text, codePoint -> codePoint == '"' || codePoint == '\\' || !isHarmless(codePoint)) + '"';
    }

    private static boolean isHarmless(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
                    Character.UNASSIGNED, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }

    private static String escape(String text, IntPredicate needsEscape) {
        StringBuilder escaped = new StringBuilder();
        text.codePoints().forEach(codePoint -> {
            if (!needsEscape.test(codePoint)) {
                escaped.appendCodePoint(codePoint);
            } else if (codePoint == '"' || codePoint == '\\') {
                escaped.append('\\').appendCodePoint(codePoint);
            } else if (codePoint == '\n') {
                escaped.append("\\n");
            } else {
                // YAML's escapes for a code point of up to 16 bits, and for one beyond.
                escaped.append(String.format(codePoint <= 0xFFFF ? "\\u%04X" : "\\U%08X", codePoint));
            }
        });
        return escaped.toString();
    }
}

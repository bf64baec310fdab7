package dev.lockstep.chart;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;

/** Writes HTML and SVG that is well-formed XML, too. All text and all attributes are escaped here. */
public final class Markup {
    private final StringBuilder written = new StringBuilder();
    private final Deque<String> open = new ArrayDeque<>();

    /** @param attributes names and values in turn; numbers with a decimal point are written with one digit behind it */
    public Markup open(String tag, Object... attributes) {
        start(tag, attributes).append('>');
        open.push(tag);
        return this;
    }

    public Markup close() {
        written.append("</").append(open.pop()).append('>');
        if (open.size() <= 3) {
            written.append('\n');
        }
        return this;
    }

    /** An element of text alone. */
    public Markup element(String tag, String text, Object... attributes) {
        return open(tag, attributes).text(text).close();
    }

    /** An element that cannot have content, as all shapes of SVG. */
    public Markup empty(String tag, Object... attributes) {
        start(tag, attributes).append("/>");
        return this;
    }

    public Markup text(String text) {
        written.append(escaped(text));
        return this;
    }

    /** Whole elements that were written apart. */
    public Markup add(Markup other) {
        written.append(other);
        return this;
    }

    private StringBuilder start(String tag, Object... attributes) {
        written.append('<').append(tag);
        for (int i = 0; i < attributes.length; i += 2) {
            Object value = attributes[i + 1];
            String text = value instanceof Double number ? String.format(Locale.ROOT, "%.1f", number) : value.toString();
            written.append(' ').append(attributes[i]).append("=\"").append(escaped(text)).append('"');
        }
        return written;
    }

    /** Control characters, which XML has no way to write, are replaced. */
    private static String escaped(String text) {
        StringBuilder escaped = new StringBuilder();
        text.codePoints().forEach(codePoint -> {
            switch (codePoint) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                default -> escaped.appendCodePoint(isWritable(codePoint) ? codePoint : 0xFFFD);
            }
        });
        return escaped.toString();
    }

    private static boolean isWritable(int codePoint) {
        return codePoint == '\n' || codePoint == '\t' || codePoint >= 0x20
                && Character.getType(codePoint) != Character.SURROGATE && (codePoint & 0xFFFE) != 0xFFFE;
    }

    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("not closed: " + open);
        }
        return written.toString();
    }
}

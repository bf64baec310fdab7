package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;

/** The frame of a chart as inline SVG: legend, axes, their ticks and titles. What it shows is drawn into {@link #svg}. */
final class Chart {
    /** In pixels, as all of these. */
    static final double WIDTH = 640;
    static final double HEIGHT = 360;
    static final double LEFT = 84;
    static final double RIGHT = 624;
    static final double BOTTOM = 304;
    /** Between the frame's sides and the first and last place on the axis of ranks. */
    static final double INSET = 32;

    /** Okabe and Ito's, which people with any kind of colour blindness can tell apart; each also of another lightness. */
    static final List<String> COLOURS = List.of("#e69f00", "#56b4e9", "#0072b2", "#d55e00", "#009e73", "#999999");

    private static final double LEGEND_LINE = 20;
    private static final double SWATCH = 26;
    /** Of a letter, at most, in the size of the labels. */
    private static final double LETTER = 7;

    /** How an entry of the legend is drawn: a line with its marker, or an area. */
    interface Swatch {
        void draw(Markup svg, double x, double y);
    }

    /** Where a label stands on the axis of ranks. */
    record Label(double x, int ranks, String text) {
    }

    final Markup svg = new Markup();
    final double top;

    /** @param title for those who cannot see it */
    Chart(String title, Map<String, Swatch> legend) {
        svg.open("svg", "xmlns", "http://www.w3.org/2000/svg", "viewBox", "0 0 " + (int) WIDTH + " " + (int) HEIGHT,
                "role", "img", "font-family", "sans-serif", "font-size", "12", "fill", "#222");
        svg.element("title", title);
        double x = LEFT;
        double y = LEGEND_LINE / 2 + 4;
        for (Map.Entry<String, Swatch> entry : legend.entrySet()) {
            double width = SWATCH + LETTER * entry.getKey().length() + 20;
            if (x + width > WIDTH && x > LEFT) {
                x = LEFT;
                y += LEGEND_LINE;
            }
            entry.getValue().draw(svg, x, y);
            svg.element("text", entry.getKey(), "x", x + SWATCH, "y", y + 4);
            x += width;
        }
        top = y + LEGEND_LINE;
    }

    void verticalAxis(Scale scale, String title, DoubleFunction<String> label) {
        for (double tick : scale.ticks()) {
            double y = scale.at(tick);
            svg.empty("line", "x1", LEFT, "x2", RIGHT, "y1", y, "y2", y, "stroke", "#dddddd");
            svg.element("text", label.apply(tick), "x", LEFT - 8, "y", y + 4, "text-anchor", "end");
        }
        double middle = (top + BOTTOM) / 2;
        svg.element("text", title, "x", 18.0, "y", middle, "text-anchor", "middle", "transform",
                "rotate(-90 18 " + middle + ")");
    }

    /** Labels that would touch another are left out, powers of two last. */
    void rankAxis(List<Label> labels) {
        svg.empty("line", "x1", LEFT, "x2", RIGHT, "y1", BOTTOM, "y2", BOTTOM, "stroke", "#222222");
        List<Label> byImportance = new ArrayList<>(labels);
        byImportance.sort((a, b) -> Boolean.compare(Integer.bitCount(a.ranks) > 1, Integer.bitCount(b.ranks) > 1));
        List<Label> placed = new ArrayList<>();
        for (Label label : byImportance) {
            svg.empty("line", "x1", label.x, "x2", label.x, "y1", BOTTOM, "y2", BOTTOM + 5, "stroke", "#222222");
            if (placed.stream().noneMatch(other -> Math.abs(other.x - label.x)
                    < LETTER * (other.text.length() + label.text.length() + 1) / 2)) {
                placed.add(label);
                svg.element("text", label.text, "x", label.x, "y", BOTTOM + 19, "text-anchor", "middle");
            }
        }
        svg.element("text", "ranks", "x", (LEFT + RIGHT) / 2, "y", BOTTOM + 42, "text-anchor", "middle");
    }

    Markup close() {
        return svg.close();
    }
}

package dev.lockstep.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The frame of a chart as inline SVG: legend, axes, their ticks and titles. What it shows is drawn into {@link #svg}. */
final class Frame {
    /** In pixels, as all of these. */
    static final double WIDTH = 640;
    static final double LEFT = 84;
    static final double RIGHT = 608;

    private static final double LEGEND_LINE = 20;
    private static final double SWATCH = 26;
    /** Of a letter, at most, in the size of the labels. */
    private static final double LETTER = 7;
    private static final double BELOW = 52;
    private static final String GRID = "#dddddd";

    /** How an entry of the legend is drawn: a line with its marker, or an area. */
    interface Swatch {
        void draw(Markup svg, double x, double y);
    }

    private record Entry(String text, Swatch swatch, double x, double y) {
    }

    final Markup svg = new Markup();
    /** Of the plot. */
    final double top;
    final double bottom;

    /** @param title for those who cannot see it */
    Frame(String title, Map<String, Swatch> legend, double plotHeight) {
        List<Entry> entries = new ArrayList<>();
        double x = LEFT;
        double y = LEGEND_LINE / 2 + 4;
        for (Map.Entry<String, Swatch> entry : legend.entrySet()) {
            double width = SWATCH + LETTER * entry.getKey().length() + 20;
            if (x + width > WIDTH && x > LEFT) {
                x = LEFT;
                y += LEGEND_LINE;
            }
            entries.add(new Entry(entry.getKey(), entry.getValue(), x, y));
            x += width;
        }
        top = y + LEGEND_LINE;
        bottom = top + plotHeight;
        svg.open("svg", "xmlns", "http://www.w3.org/2000/svg",
                "viewBox", "0 0 " + (int) WIDTH + " " + (int) (bottom + BELOW), "role", "img",
                "font-family", "sans-serif", "font-size", "12", "fill", "#222");
        svg.element("title", title);
        for (Entry entry : entries) {
            entry.swatch.draw(svg, entry.x, entry.y);
            svg.element("text", entry.text, "x", entry.x + SWATCH, "y", entry.y + 4);
        }
    }

    double x(Axis axis, double value) {
        return LEFT + (RIGHT - LEFT) * axis.scale().fraction(value);
    }

    double y(Axis axis, double value) {
        return bottom + (top - bottom) * axis.scale().fraction(value);
    }

    void vertical(Axis axis) {
        for (Axis.Tick tick : axis.ticks()) {
            double y = y(axis, tick.value());
            svg.empty("line", "x1", LEFT, "x2", RIGHT, "y1", y, "y2", y, "stroke", GRID);
            svg.element("text", tick.text(), "x", LEFT - 8, "y", y + 4, "text-anchor", "end");
        }
        double middle = (top + bottom) / 2;
        svg.element("text", axis.title(), "x", 18.0, "y", middle, "text-anchor", "middle", "transform",
                "rotate(-90 18 " + middle + ")");
    }

    /** Texts that would touch another are left out, those of major ticks last. */
    void horizontal(Axis axis) {
        List<Axis.Tick> byImportance = new ArrayList<>(axis.ticks());
        byImportance.sort((a, b) -> Boolean.compare(!a.major(), !b.major()));
        List<Axis.Tick> placed = new ArrayList<>();
        for (Axis.Tick tick : byImportance) {
            double x = x(axis, tick.value());
            svg.empty("line", "x1", x, "x2", x, "y1", bottom, "y2", bottom + 5, "stroke", "#222222");
            if (placed.stream().noneMatch(other -> Math.abs(x(axis, other.value()) - x)
                    < LETTER * (other.text().length() + tick.text().length() + 1) / 2)) {
                placed.add(tick);
                svg.empty("line", "x1", x, "x2", x, "y1", top, "y2", bottom, "stroke", GRID);
                svg.element("text", tick.text(), "x", x, "y", bottom + 19, "text-anchor", "middle");
            }
        }
        svg.empty("line", "x1", LEFT, "x2", RIGHT, "y1", bottom, "y2", bottom, "stroke", "#222222");
        svg.element("text", axis.title(), "x", (LEFT + RIGHT) / 2, "y", bottom + 42, "text-anchor", "middle");
    }

    Markup close() {
        return svg.close();
    }
}

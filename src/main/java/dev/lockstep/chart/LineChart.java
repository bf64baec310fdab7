package dev.lockstep.chart;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Figures against a number. */
public final class LineChart {
    /** At each point, so that lines differ by more than by their colour. */
    public enum Marker { NONE, CIRCLE, SQUARE, DIAMOND, TRIANGLE }

    /** How a line is drawn. */
    public enum Dash {
        SOLID("none", 2), DASHED("6 5", 2), DOTTED("0.5 4", 2);

        private final String pattern;
        private final double width;

        Dash(String pattern, double width) {
            this.pattern = pattern;
            this.width = width;
        }
    }

    /** @param filled its markers */
    public record Style(String colour, Dash dash, Marker marker, boolean filled) {
    }

    /**
     * A figure with its interval, which is drawn as a bar where there is a marker, else as an area along the line.
     *
     * @param low  the interval's end, as is {@code high}; where there is none both are {@code y}
     * @param text shown when the marker is pointed at; none where it is empty
     */
    public record Point(double x, double y, double low, double high, String text) {
        public Point(double x, double y, String text) {
            this(x, y, y, y, text);
        }
    }

    /** @param stretches points that are joined, by ascending {@code x} */
    public record Series(Style style, List<List<Point>> stretches) {
    }

    private static final double PLOT_HEIGHT = 264;
    private static final double CAP = 4;

    private LineChart() {
    }

    /**
     * @param title  for those who cannot see the chart
     * @param legend in the order in which it is shown
     * @param series later ones are drawn over earlier ones
     */
    public static Markup draw(String title, Axis horizontal, Axis vertical, Map<String, Style> legend, List<Series> series) {
        Map<String, Frame.Swatch> swatches = new LinkedHashMap<>();
        legend.forEach((name, style) -> swatches.put(name, (svg, x, y) -> {
            line(svg, style, String.format(Locale.ROOT, "M%.1f %.1fh20", x, y));
            marker(svg, style, x + 10, y, "");
        }));
        Frame frame = new Frame(title, swatches, PLOT_HEIGHT);
        frame.vertical(vertical);
        frame.horizontal(horizontal);
        for (Series one : series) {
            for (List<Point> stretch : one.stretches) {
                draw(frame.svg, one.style, stretch.stream().map(point -> new Point(frame.x(horizontal, point.x),
                        frame.y(vertical, point.y), frame.y(vertical, point.low), frame.y(vertical, point.high), point.text))
                        .toList());
            }
        }
        return frame.close();
    }

    /** @param points in pixels */
    private static void draw(Markup svg, Style style, List<Point> points) {
        boolean intervals = points.stream().anyMatch(point -> point.low != point.high);
        if (style.marker == Marker.NONE && intervals) {
            StringBuilder area = new StringBuilder("M");
            points.forEach(point -> area.append(place(point.x, point.high)));
            for (int i = points.size() - 1; i >= 0; i--) {
                area.append(place(points.get(i).x, points.get(i).low));
            }
            svg.empty("path", "d", area.append("Z"), "fill", style.colour, "fill-opacity", "0.2", "class", "range");
        }
        // One alone has no length, and is seen by its round ends.
        String path = points.stream().map(point -> place(point.x, point.y)).collect(Collectors.joining());
        line(svg, style, "M" + path + (points.size() == 1 ? "h0" : ""));
        for (Point point : points) {
            if (style.marker != Marker.NONE && point.low != point.high) {
                svg.empty("path", "d", String.format(Locale.ROOT, "M%.1f %.1fH%.1fM%.1f %.1fH%.1fM%.1f %.1fV%.1f",
                        point.x - CAP, point.low, point.x + CAP, point.x - CAP, point.high, point.x + CAP,
                        point.x, point.low, point.high), "stroke", style.colour, "fill", "none", "class", "interval");
            }
            marker(svg, style, point.x, point.y, point.text);
        }
    }

    private static String place(double x, double y) {
        return String.format(Locale.ROOT, "%.1f %.1f ", x, y);
    }

    private static void line(Markup svg, Style style, String path) {
        svg.empty("path", "d", path, "fill", "none", "stroke", style.colour, "stroke-width", style.dash.width,
                "stroke-dasharray", style.dash.pattern, "stroke-linecap", "round", "stroke-linejoin", "round",
                "class", "line");
    }

    private static void marker(Markup svg, Style style, double x, double y, String text) {
        if (style.marker == Marker.NONE) {
            return;
        }
        String path = switch (style.marker) {
            case SQUARE -> "M%1$.1f %2$.1fm-3.5 -3.5h7v7h-7Z";
            case DIAMOND -> "M%1$.1f %2$.1fm0 -5l5 5l-5 5l-5 -5Z";
            case TRIANGLE -> "M%1$.1f %2$.1fm0 -4.5l4.5 8h-9Z";
            default -> "M%1$.1f %2$.1fm-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z";
        };
        svg.open("path", "d", String.format(Locale.ROOT, path, x, y), "fill", style.filled ? style.colour : "white",
                "stroke", style.colour, "stroke-width", "1.5", "class", "marker");
        if (!text.isEmpty()) {
            svg.element("title", text);
        }
        svg.close();
    }
}

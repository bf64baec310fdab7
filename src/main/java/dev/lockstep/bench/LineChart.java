package dev.lockstep.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.function.IntFunction;

/** Figures against the number of ranks, which is drawn in powers of two. */
final class LineChart {
    /** How it is drawn, so that it differs by more than by its colour. */
    enum Style {
        MEASURED(Chart.COLOURS.get(2), "none"),
        PREDICTED(Chart.COLOURS.get(3), "7 4"),
        IDEAL("#666666", "2 3");

        private final String colour;
        private final String dashes;

        Style(String colour, String dashes) {
            this.colour = colour;
            this.dashes = dashes;
        }
    }

    record Point(int ranks, Estimate figure) {
    }

    /** @param points by number of ranks, ascending */
    record Series(String name, Style style, List<Point> points) {
    }

    private static final double MARKER = 4;
    private static final double CAP = 4;

    private LineChart() {
    }

    /**
     * @param ranks       all that have a place on the axis, ascending, whether there is a point or not
     * @param rankLabel   of a number of ranks
     * @param logarithmic the figures', too; else they begin at zero
     */
    static Markup draw(String title, String figure, List<Series> series, List<Integer> ranks, IntFunction<String> rankLabel,
            boolean logarithmic, DoubleFunction<String> figureLabel) {
        Map<String, Chart.Swatch> legend = new LinkedHashMap<>();
        for (Series one : series) {
            legend.put(one.name, (svg, x, y) -> {
                line(svg, one.style, x, y, x + 20, y);
                marker(svg, one.style, x + 10, y);
            });
        }
        Chart chart = new Chart(title, legend);
        Scale horizontal = ranks(ranks);
        double low = series.stream().flatMap(one -> one.points.stream()).mapToDouble(p -> p.figure.low()).min().orElse(1);
        double high = series.stream().flatMap(one -> one.points.stream()).mapToDouble(p -> p.figure.high()).max().orElse(1);
        Scale vertical = logarithmic ? Scale.logarithmic(low, high, Chart.BOTTOM, chart.top)
                : Scale.linear(high, Chart.BOTTOM, chart.top);
        chart.verticalAxis(vertical, figure, figureLabel);
        chart.rankAxis(ranks.stream()
                .map(count -> new Chart.Label(horizontal.at(count), count, rankLabel.apply(count))).toList());
        for (Series one : series) {
            draw(chart.svg, one, ranks, horizontal, vertical);
        }
        return chart.close();
    }

    private static Scale ranks(List<Integer> ranks) {
        double first = ranks.get(0);
        double last = ranks.get(ranks.size() - 1);
        // One number alone stands in the middle.
        List<Double> ends = first < last ? List.of(first, last) : List.of(first / 2, first * 2);
        return new Scale(ends, Chart.LEFT + Chart.INSET, Chart.RIGHT - Chart.INSET, true);
    }

    /** Only neighbours are joined: a line over a number of ranks that failed would look as if it had been measured. */
    private static void draw(Markup svg, Series series, List<Integer> ranks, Scale horizontal, Scale vertical) {
        Point earlier = null;
        for (Point point : series.points) {
            double x = horizontal.at(point.ranks);
            if (earlier != null && ranks.indexOf(earlier.ranks) == ranks.indexOf(point.ranks) - 1) {
                line(svg, series.style, horizontal.at(earlier.ranks), vertical.at(earlier.figure.value()), x,
                        vertical.at(point.figure.value()));
            }
            earlier = point;
        }
        for (Point point : series.points) {
            double x = horizontal.at(point.ranks);
            Estimate figure = point.figure;
            if (figure.low() < figure.high()) {
                double low = vertical.at(figure.low());
                double high = vertical.at(figure.high());
                svg.empty("path", "d", String.format(Locale.ROOT, "M%.1f %.1fH%.1fM%.1f %.1fH%.1fM%.1f %.1fV%.1f",
                        x - CAP, low, x + CAP, x - CAP, high, x + CAP, x, low, high), "stroke", series.style.colour,
                        "fill", "none", "class", "interval");
            }
            marker(svg, series.style, x, vertical.at(figure.value()));
        }
    }

    private static void line(Markup svg, Style style, double x1, double y1, double x2, double y2) {
        svg.empty("line", "x1", x1, "y1", y1, "x2", x2, "y2", y2, "stroke", style.colour, "stroke-width",
                style == Style.IDEAL ? "1" : "2", "stroke-dasharray", style.dashes);
    }

    private static void marker(Markup svg, Style style, double x, double y) {
        switch (style) {
            case MEASURED -> svg.empty("circle", "cx", x, "cy", y, "r", MARKER, "fill", style.colour);
            case PREDICTED -> svg.empty("rect", "x", x - MARKER, "y", y - MARKER, "width", 2 * MARKER, "height", 2 * MARKER,
                    "transform", String.format(Locale.ROOT, "rotate(45 %.1f %.1f)", x, y), "fill", "white",
                    "stroke", style.colour, "stroke-width", "1.5");
            case IDEAL -> { }
        }
    }
}

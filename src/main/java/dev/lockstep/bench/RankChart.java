package dev.lockstep.bench;

import dev.lockstep.chart.Axis;
import dev.lockstep.chart.Colours;
import dev.lockstep.chart.LineChart;
import dev.lockstep.chart.LineChart.Dash;
import dev.lockstep.chart.LineChart.Marker;
import dev.lockstep.chart.Markup;
import dev.lockstep.chart.Scale;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.function.IntFunction;

/** Figures against the number of ranks, which is drawn in powers of two. */
final class RankChart {
    enum Kind {
        IDEAL("ideal", new LineChart.Style(Colours.DARK_GREY, Dash.DOTTED, Marker.NONE, false)),
        PREDICTED("predicted, not measured", new LineChart.Style(Colours.VERMILION, Dash.DASHED, Marker.DIAMOND, false)),
        MEASURED("measured", new LineChart.Style(Colours.BLUE, Dash.SOLID, Marker.CIRCLE, true));

        private final String text;
        private final LineChart.Style style;

        Kind(String text, LineChart.Style style) {
            this.text = text;
            this.style = style;
        }
    }

    record Point(int ranks, Estimate figure) {
    }

    /** @param points by number of ranks, ascending; at least one */
    record Series(Kind kind, List<Point> points) {
    }

    /** Of the axis, at either end. */
    private static final double INSET = 0.06;

    private RankChart() {
    }

    /**
     * @param ranks       all that have a place on the axis, ascending, whether there is a point or not
     * @param rankLabel   of a number of ranks
     * @param logarithmic the figures', too; else they begin at zero
     */
    static Markup draw(String title, String figure, List<Series> series, List<Integer> ranks, IntFunction<String> rankLabel,
            boolean logarithmic, DoubleFunction<String> figureLabel) {
        double low = series.stream().flatMap(one -> one.points.stream()).mapToDouble(p -> p.figure.low()).min().orElse(1);
        double high = series.stream().flatMap(one -> one.points.stream()).mapToDouble(p -> p.figure.high()).max().orElse(1);
        Map<String, LineChart.Style> legend = new LinkedHashMap<>();
        series.forEach(one -> legend.put(one.kind.text, one.kind.style));
        // Powers of two keep their labels where there is not place enough for all.
        Axis horizontal = new Axis("ranks", scale(ranks), ranks.stream()
                .map(count -> new Axis.Tick(count, rankLabel.apply(count), Integer.bitCount(count) == 1)).toList());
        Axis vertical = Axis.of(figure, logarithmic ? Scale.logarithmic(low, high) : Scale.fromZero(high), figureLabel);
        return LineChart.draw(title, horizontal, vertical, legend, series.stream()
                .map(one -> new LineChart.Series(one.kind.style, stretches(one.points, ranks))).toList());
    }

    private static Scale scale(List<Integer> ranks) {
        double first = ranks.get(0);
        double last = ranks.get(ranks.size() - 1);
        // One number alone stands in the middle.
        return new Scale(first < last ? List.of(first, last) : List.of(first / 2, first * 2), true).widened(INSET);
    }

    /** Only neighbours are joined: a line over a number of ranks that failed would look as if it had been measured. */
    private static List<List<LineChart.Point>> stretches(List<Point> points, List<Integer> ranks) {
        List<List<LineChart.Point>> stretches = new ArrayList<>();
        int before = Integer.MIN_VALUE;
        for (Point point : points) {
            int place = ranks.indexOf(point.ranks);
            if (stretches.isEmpty() || place != before + 1) {
                stretches.add(new ArrayList<>());
            }
            stretches.get(stretches.size() - 1).add(new LineChart.Point(point.ranks, point.figure.value(),
                    point.figure.low(), point.figure.high(), ""));
            before = place;
        }
        return stretches;
    }
}

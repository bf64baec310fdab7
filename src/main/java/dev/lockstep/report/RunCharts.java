package dev.lockstep.report;

import dev.lockstep.chart.Axis;
import dev.lockstep.chart.Colours;
import dev.lockstep.chart.Figures;
import dev.lockstep.chart.LineChart;
import dev.lockstep.chart.LineChart.Dash;
import dev.lockstep.chart.LineChart.Marker;
import dev.lockstep.chart.Markup;
import dev.lockstep.chart.Page;
import dev.lockstep.chart.Scale;
import dev.lockstep.chart.StackedBarChart;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.stream.Stream;

/** The curves of several runs: one chart a figure, a colour and a marker a run, dashes by what a figure was computed on. */
final class RunCharts {
    /** A line of one run; of single steps it has no markers, and an area from the least value to the greatest. */
    private record Line(int run, Split split, List<LineChart.Point> points, boolean ofSteps) {
    }

    private static final List<Marker> MARKERS = List.of(Marker.CIRCLE, Marker.SQUARE, Marker.DIAMOND, Marker.TRIANGLE);
    /** On a line with more points they would hide it. */
    private static final int MOST_MARKERS = 40;
    private static final int LONGEST_NAME = 60;
    /** The greatest loss over the least, from which on small ones could not be told apart. */
    private static final double WIDE = 20;

    /** What a figure's axis shows: the whole from zero on, or what there is, larger; losses in powers of ten if need be. */
    private enum Range { WHOLE, FITTED, LOSS }

    private final List<Run> runs;
    /** Else by step: some run has not finished an epoch, so that nobody knows how long one is. */
    private final boolean byEpoch;

    RunCharts(List<Run> runs) {
        this.runs = runs;
        this.byEpoch = runs.stream().noneMatch(run -> run.epochs().isEmpty());
    }

    /** Those of which there is something to show. */
    void write(Markup html) {
        Map<String, List<Line>> metrics = new LinkedHashMap<>();
        Stream.of("loss", "accuracy").forEach(name -> metrics.put(name, new ArrayList<>()));
        for (int i = 0; i < runs.size(); i++) {
            int run = i;
            runs.get(i).metrics(byEpoch).forEach((metric, points) -> metrics
                    .computeIfAbsent(metric.name(), name -> new ArrayList<>())
                    .add(new Line(run, metric.split(), points.stream().map(point ->
                            new LineChart.Point(point.x(), point.value(), text(run, metric, point))).toList(), false)));
        }
        html.open("div", "class", "grid");
        metrics.forEach((name, lines) -> figure(html, Metric.title(name), name.replace('_', ' '), lines,
                name.equals("loss") ? Range.LOSS : Range.FITTED,
                Metric.isShare(name) ? value -> Figures.tick(100 * value) + " %" : Figures::tick));
        figure(html, "Loss of single steps", "loss", ofSteps(Run::losses), Range.LOSS, Figures::tick);
        List<Line> rates = ofSteps(Run::learningRates);
        figure(html, "Learning rate", "learning rate", rates.isEmpty() ? ofEpochs("learning_rate") : rates, Range.WHOLE,
                Figures::tick);
        figure(html, "Throughput", "samples a second", ofEpochs("samples_per_second"), Range.WHOLE, Figures::metric);
        breakdowns(html);
        html.close();
    }

    private String text(int run, Metric metric, Run.Point point) {
        return runs.get(run).name() + ", " + metric.text() + ", " + (byEpoch ? "epoch " : "step ")
                + Figures.tick(point.x()) + ": " + metric.text(point.value());
    }

    private List<Line> ofEpochs(String key) {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            String name = runs.get(i).name();
            List<LineChart.Point> points = runs.get(i).ofEpochs(key, byEpoch).stream().map(point -> new LineChart.Point(
                    point.x(), point.value(), name + ": " + Figures.number(point.value()))).toList();
            if (!points.isEmpty()) {
                lines.add(new Line(i, Split.TRAIN, points, false));
            }
        }
        return lines;
    }

    private List<Line> ofSteps(Function<Run, Curve> curve) {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            Run run = runs.get(i);
            List<LineChart.Point> points = curve.apply(run).pieces().stream().map(piece -> new LineChart.Point(
                    byEpoch ? run.epochOf(piece.x()) : piece.x(), piece.mean(), piece.least(), piece.most(), "")).toList();
            if (!points.isEmpty()) {
                lines.add(new Line(i, Split.TRAIN, points, true));
            }
        }
        return lines;
    }

    private void figure(Markup html, String title, String unit, List<Line> lines, Range range, DoubleFunction<String> text) {
        if (lines.isEmpty()) {
            return;
        }
        List<LineChart.Point> all = lines.stream().flatMap(line -> line.points.stream()).toList();
        double least = all.stream().mapToDouble(LineChart.Point::low).min().orElseThrow();
        double most = all.stream().mapToDouble(LineChart.Point::high).max().orElseThrow();
        boolean logarithmic = range == Range.LOSS && least > 0 && most / least >= WIDE;
        boolean whole = least >= 0 && (range == Range.WHOLE || least <= most / 2);
        Scale scale = logarithmic ? Scale.logarithmic(least, most)
                : whole ? Scale.fromZero(most) : Scale.linear(least, most);
        Axis vertical = Axis.of(logarithmic ? unit + " (logarithmic)" : unit, scale, text);
        Axis horizontal = Axis.of(byEpoch ? "epoch" : "step",
                Scale.fromZero(all.stream().mapToDouble(LineChart.Point::x).max().orElseThrow()),
                byEpoch ? Figures::tick : Figures::metric);
        Page.figure(html, title, LineChart.draw(title, horizontal, vertical, legend(lines), lines.stream()
                .map(line -> new LineChart.Series(style(line), List.of(line.points))).toList()));
    }

    private Map<String, LineChart.Style> legend(List<Line> lines) {
        Map<String, LineChart.Style> legend = new LinkedHashMap<>();
        lines.forEach(line -> legend.put(shortened(runs.get(line.run).name()), new LineChart.Style(colour(line.run),
                Dash.SOLID, line.ofSteps ? Marker.NONE : marker(line.run), true)));
        Set<Split> splits = EnumSet.noneOf(Split.class);
        lines.forEach(line -> splits.add(line.split));
        if (!splits.equals(EnumSet.of(Split.TRAIN))) {
            splits.forEach(split -> legend.put(split.text,
                    new LineChart.Style(Colours.DARK_GREY, split.dash, Marker.NONE, true)));
        }
        return legend;
    }

    private static String shortened(String name) {
        return name.length() <= LONGEST_NAME ? name : "…" + name.substring(name.length() - LONGEST_NAME);
    }

    private static LineChart.Style style(Line line) {
        boolean marked = !line.ofSteps && line.points.size() <= MOST_MARKERS;
        return new LineChart.Style(colour(line.run), line.split.dash, marked ? marker(line.run) : Marker.NONE,
                line.split == Split.TRAIN);
    }

    private static String colour(int run) {
        return Colours.LINES.get(run % Colours.LINES.size());
    }

    /** Another one for the runs that have the same colour. */
    private static Marker marker(int run) {
        return MARKERS.get((run + run / Colours.LINES.size()) % MARKERS.size());
    }

    private void breakdowns(Markup html) {
        List<StackedBarChart.Bar> bars = new ArrayList<>();
        for (Run run : runs) {
            Optional<Breakdown> breakdown = run.breakdown();
            breakdown.ifPresent(told -> bars.add(new StackedBarChart.Bar(shortened(run.name()), told.milliseconds())));
        }
        if (!bars.isEmpty()) {
            String title = "What a step consists of";
            Page.figure(html, title, StackedBarChart.draw(title, "ms a step", Breakdown.partNames(), bars, Figures::number));
        }
    }
}

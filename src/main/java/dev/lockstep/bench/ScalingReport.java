package dev.lockstep.bench;

import dev.lockstep.chart.Figures;
import dev.lockstep.chart.Markup;
import dev.lockstep.chart.Page;
import dev.lockstep.chart.StackedBarChart;
import dev.lockstep.chart.Table;
import dev.lockstep.job.ScalingConfig.Kind;
import dev.lockstep.report.Breakdown;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A scaling benchmark's results for people: one HTML file, with nothing outside it, that prints well. */
public final class ScalingReport {
    private static final String OVERSUBSCRIBED = "*";
    private static final String NOT_WHOLE = "\u2020";

    private final ScalingResult result;
    private final ScalingResult.Setup setup;
    private final ScalingTable table;
    private final NextPoints next;
    /** What was not measured. */
    private final List<PredictedPoint> predicted;
    private final Markup html;

    private ScalingReport(ScalingResult result, NextPoints next) {
        this.result = result;
        this.setup = result.setup();
        this.table = ScalingTable.of(result);
        this.next = next;
        this.html = Page.open((setup.scaling() == Kind.STRONG ? "Strong" : "Weak") + " scaling of " + setup.jobName());
        this.predicted = next.points().stream().filter(point -> point.error().isEmpty()).toList();
    }

    /**
     * The whole file.
     *
     * @param made      when, as ISO 8601 has it
     * @param commit    of the program that makes the report, which may be another than the one that measured
     */
    public static String html(ScalingResult result, NextPoints next, String made, String commit) {
        return new ScalingReport(result, next).write(made, commit);
    }

    private String write(String made, String commit) {
        html.element("p", "Measured " + result.started() + " to " + result.finished() + " by lockstep " + setup.version()
                + ", commit " + setup.commit() + "; this report was made " + made
                + (commit.equals(setup.commit()) ? "." : " by another build, commit " + commit + "."), "class", "small");
        Page.warnings(html, table.warnings());
        html.element("p", summary());
        if (table.rows().stream().anyMatch(row -> row.measured().isPresent())) {
            charts();
        }
        figures();
        breakdowns();
        predictions();
        factors();
        commands();
        return Page.close(html);
    }

    private String summary() {
        String kept = setup.scaling() == Kind.STRONG ? "The global batch stays at " + setup.batch() + " samples"
                : "The batch of a rank stays at " + setup.batch() + " samples";
        String base = table.rows().stream().filter(row -> row.ranks() == setup.baseRanks())
                .flatMap(row -> row.measured().stream()).findFirst()
                .map(measured -> "Base of efficiency: " + ScalingTable.count(setup.baseRanks()) + ", "
                        + Figures.milliseconds(measured.stepSeconds().value()) + " ms a step ("
                        + measured.stepSeconds().inMilliseconds() + "), "
                        + Figures.number(measured.samplesPerSecond().value()) + " samples a second.")
                .orElse("The base of efficiency, " + ScalingTable.count(setup.baseRanks()) + ", was not measured.");
        return kept + ". " + base + " Each number of ranks was run " + times(setup.repeats()) + ", up and down the ranks in"
                + " turn, for " + setup.steps() + " steps after " + setup.warmupSteps() + " to warm up. A step takes"
                + " what its slowest rank takes; the median over the steps of all runs counts. Intervals are 95 % confidence"
                + " intervals of that median (of fewer than six steps, the least and the greatest), as if each step were"
                + " independent; how far runs differ is to be seen from the median of each. Intervals of efficiency are as"
                + " wide as the row's and the base's together allow.";
    }

    private static String times(int count) {
        return count == 1 ? "once" : count + " times";
    }

    private void charts() {
        List<Integer> ranks = Stream.concat(setup.ranks().stream(), predicted.stream().map(PredictedPoint::ranks)).distinct()
                .sorted().toList();
        Page.figure(html, "Samples a second against ranks", RankChart.draw("Samples a second against ranks",
                "samples a second", throughput(ranks), ranks, this::label, true, Figures::metric));
        if (table.rows().stream().anyMatch(row -> row.efficiency().isPresent())) {
            Page.figure(html, "Efficiency against ranks, relative to " + ScalingTable.count(setup.baseRanks()),
                    RankChart.draw("Efficiency against ranks", "efficiency", efficiency(ranks), ranks, this::label, false,
                    tick -> Figures.tick(100 * tick) + " %"));
        }
        List<ScalingRow> told = withBreakdown();
        if (!told.isEmpty()) {
            Page.figure(html, "What a step consists of", StackedBarChart.draw("What a step consists of", "ms a step",
                    Breakdown.partNames(), told.stream().map(row -> new StackedBarChart.Bar(
                            label(row.ranks()) + (row.ranks() == 1 ? " rank" : " ranks"),
                            breakdown(row).milliseconds())).toList(), Figures::number));
        }
        String marks = Stream.of(
                table.rows().stream().anyMatch(ScalingRow::oversubscribed)
                        ? OVERSUBSCRIBED + " more ranks than cores for them" : "",
                table.rows().stream().anyMatch(row -> row.status() != ScalingRow.Status.OK)
                        ? NOT_WHOLE + " failed, partial or not run" : "")
                .filter(mark -> !mark.isEmpty()).collect(Collectors.joining("; "));
        if (!marks.isEmpty()) {
            html.element("p", marks, "class", "small");
        }
    }

    private String label(int ranks) {
        return table.rows().stream().filter(row -> row.ranks() == ranks).findFirst()
                .map(row -> ranks + (row.oversubscribed() ? OVERSUBSCRIBED : "")
                        + (row.status() != ScalingRow.Status.OK ? NOT_WHOLE : ""))
                .orElse("" + ranks);
    }

    private static Estimate exactly(double value) {
        return new Estimate(value, value, value);
    }

    private List<RankChart.Series> throughput(List<Integer> ranks) {
        List<RankChart.Point> measured = new ArrayList<>();
        List<RankChart.Point> ideal = new ArrayList<>();
        for (ScalingRow row : table.rows()) {
            row.measured().ifPresent(m -> measured.add(new RankChart.Point(row.ranks(), m.samplesPerSecond())));
            if (row.ranks() == setup.baseRanks()) {
                row.measured().ifPresent(base -> ranks.forEach(count -> ideal.add(new RankChart.Point(count,
                        exactly(base.samplesPerSecond().value() * count / setup.baseRanks())))));
            }
        }
        return series(measured, ideal, predicted.stream().map(point -> new RankChart.Point(point.ranks(),
                exactly(setup.globalBatch(point.ranks()) / point.stepSeconds()))).toList());
    }

    private List<RankChart.Series> efficiency(List<Integer> ranks) {
        return series(
                table.rows().stream().flatMap(row -> row.efficiency().stream()
                        .map(efficiency -> new RankChart.Point(row.ranks(), efficiency))).toList(),
                ranks.stream().map(count -> new RankChart.Point(count, exactly(1))).toList(),
                predicted.stream().map(point -> new RankChart.Point(point.ranks(), exactly(point.efficiency()))).toList());
    }

    private static List<RankChart.Series> series(List<RankChart.Point> measured, List<RankChart.Point> ideal,
            List<RankChart.Point> predicted) {
        return Stream.of(new RankChart.Series(RankChart.Kind.IDEAL, ideal),
                new RankChart.Series(RankChart.Kind.PREDICTED, predicted),
                new RankChart.Series(RankChart.Kind.MEASURED, measured))
                .filter(one -> !one.points().isEmpty()).toList();
    }

    private void figures() {
        html.element("h2", "Figures");
        Table rows = new Table(html, List.of(), List.of("ranks", "step, ms", "interval", "of each run", "samples a second",
                "interval", "efficiency", "interval", "hosts", "cores", "threads a rank", "memory of largest rank, MiB",
                "runs", "steps"), List.of("status"));
        for (ScalingRow row : table.rows()) {
            rows.row(Stream.of(Stream.of(label(row.ranks())), figures(row), Stream.of(row.outcome()))
                    .flatMap(cells -> cells).toList());
        }
        rows.close();
    }

    private static Stream<String> figures(ScalingRow row) {
        return row.measured().map(m -> Stream.of(
                Figures.milliseconds(m.stepSeconds().value()),
                m.stepSeconds().inMilliseconds(),
                m.runMedianSeconds().stream().map(Figures::milliseconds).collect(Collectors.joining(", ")),
                Figures.number(m.samplesPerSecond().value()),
                Figures.number(m.samplesPerSecond().low()) + " to " + Figures.number(m.samplesPerSecond().high()),
                row.efficiency().map(e -> Figures.percent(e.value())).orElse("–"),
                row.efficiency().map(e -> Figures.percent(e.low()) + " to " + Figures.percent(e.high())).orElse("–"),
                m.line().path("hosts").asText(),
                m.line().path("cores").asText(),
                m.line().path("threads").asText(),
                Figures.number(m.line().path("resident_bytes").asDouble() / (1 << 20)),
                "" + row.repeats(),
                "" + m.steps())).orElseGet(() -> Stream.generate(() -> "–").limit(13));
    }

    private List<ScalingRow> withBreakdown() {
        return table.rows().stream().filter(row -> row.measured().flatMap(ScalingRow.Measured::breakdown).isPresent())
                .toList();
    }

    private static Breakdown breakdown(ScalingRow row) {
        return row.measured().flatMap(ScalingRow.Measured::breakdown).orElseThrow();
    }

    private void breakdowns() {
        List<ScalingRow> told = withBreakdown();
        if (told.isEmpty()) {
            return;
        }
        html.element("h2", "Step breakdown, ms");
        html.element("p", "Means, here as in the chart: the parts add up to the mean step, not to the median among the"
                + " figures.", "class", "small");
        List<String> heads = new ArrayList<>(List.of("ranks"));
        heads.addAll(Breakdown.partNames());
        heads.addAll(List.of("optimizer in all", "communication hidden", "GFLOP/s a rank", "share of matrix products"));
        Table rows = new Table(html, List.of(), heads, List.of());
        for (ScalingRow row : told) {
            Breakdown breakdown = breakdown(row);
            List<String> cells = new ArrayList<>(List.of(label(row.ranks())));
            breakdown.seconds().values().forEach(seconds -> cells.add(Figures.milliseconds(seconds)));
            cells.add(Figures.milliseconds(breakdown.optimizer()));
            cells.add(breakdown.hiddenFraction().stream().mapToObj(Figures::percent).findFirst().orElse("–"));
            cells.add(Figures.number(breakdown.gigaflops()));
            cells.add(Figures.percent(breakdown.gemmShare()));
            rows.row(cells);
        }
        rows.close();
    }

    private void predictions() {
        html.element("h2", "Predicted").element("p", next.explanation(), "class", "predicted");
        if (next.points().isEmpty()) {
            return;
        }
        html.open("div", "class", "predicted");
        Table rows = new Table(html, List.of(), List.of("ranks", "step, ms", "samples a second", "efficiency",
                "error against measured"), List.of(""));
        for (PredictedPoint point : next.points()) {
            rows.row(List.of("" + point.ranks(), Figures.milliseconds(point.stepSeconds()),
                    Figures.number(setup.globalBatch(point.ranks()) / point.stepSeconds()),
                    Figures.percent(point.efficiency()),
                    point.error().stream().mapToObj(Figures::percent).findFirst().orElse("–"),
                    point.fitted() ? "fitted on it"
                            : point.error().isPresent() ? "predicted" : "predicted, not measured"));
        }
        rows.close();
        html.close();
    }

    private void factors() {
        html.element("h2", "Factors");
        Table rows = new Table(html, List.of(), List.of(), List.of("factor", "value"));
        table.factors().forEach(factor -> rows.row(List.of(factor.name(), factor.text())));
        rows.row(List.of("cores foreseen", setup.cores() + " in all, " + setup.coresPerRank() + " a rank"));
        for (ScalingRow row : table.rows()) {
            rows.row(List.of("binding of " + ScalingTable.count(row.ranks()), setup.binding().get(row.ranks())
                    + row.measured().map(measured -> "; found CPUs: " + measured.cpus()).orElse("")));
        }
        rows.row(List.of("algorithm of sums by MPI", setup.mpiParameters("coll")));
        rows.row(List.of("MPI's transport", setup.mpiParameters("pml", "btl", "mtl")));
        setup.environment().forEach((name, value) -> rows.row(List.of(name, value)));
        rows.row(List.of("load of the machine before", String.format(Locale.ROOT, "%.2f", result.loadBefore())));
        rows.close();
    }

    private void commands() {
        html.element("h2", "Commands").open("p").element("code", String.join(" ", setup.command())).close();
        html.element("p", "started, among others:");
        for (int ranks : setup.ranks()) {
            result.runs(ranks).stream().findFirst().ifPresent(run ->
                    html.open("p").element("code", String.join(" ", run.command())).close());
        }
        html.element("p", "The job on " + ScalingTable.count(setup.baseRanks()) + ", with every key resolved:")
                .element("pre", setup.job(), "class", "small");
    }
}

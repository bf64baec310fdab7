package dev.lockstep.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.chart.Figures;
import dev.lockstep.chart.Markup;
import dev.lockstep.chart.Table;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The numbers of several runs. */
final class RunTables {
    private static final String NONE = "–";
    /** Keys that differ whenever runs do. */
    private static final Set<String> OF_THE_RUN = Set.of("name");

    private final List<Run> runs;
    private final Markup html;

    RunTables(List<Run> runs, Markup html) {
        this.runs = runs;
        this.html = html;
    }

    void write() {
        runs();
        metrics();
        breakdowns();
        differences();
        places();
        runs.forEach(this::details);
    }

    private void runs() {
        html.element("h2", "Runs");
        Table table = new Table(html, List.of("run"), List.of("ranks", "epochs", "steps", "samples a second", "training, s",
                "to the first step, s", "memory of largest rank, MiB"), List.of("state"));
        for (Run run : runs) {
            Optional<JsonNode> summary = run.summary();
            JsonNode ranks = run.environment().path("ranks");
            String wanted = run.settings().getOrDefault("train.epochs", "");
            table.row(List.of(run.name(), ranks.isArray() ? "" + ranks.size() : of(summary, "ranks", Figures::tick),
                    (run.epochs().isEmpty() ? 0 : run.epochs().lastKey()) + (wanted.isEmpty() ? "" : " of " + wanted),
                    String.format(Locale.ROOT, "%,d", run.steps()), text(run.samplesPerSecond(), Figures::number),
                    Figures.number(run.ofEpochs("seconds", true).stream().mapToDouble(Run.Point::value).sum()),
                    of(summary, "first_step_seconds", Figures::number),
                    of(summary, "peak_resident_bytes", bytes -> Figures.number(bytes / (1 << 20))),
                    summary.map(RunTables::state).orElse("not done")));
        }
        table.close();
    }

    private static String state(JsonNode summary) {
        return summary.path("stopped_early").asBoolean() ? "done, stopped early" : "done";
    }

    private static String of(Optional<JsonNode> record, String key, DoubleFunction<String> text) {
        return record.map(found -> text(Run.number(found, key), text)).orElse(NONE);
    }

    private static String text(OptionalDouble value, DoubleFunction<String> text) {
        return value.isPresent() ? text.apply(value.getAsDouble()) : NONE;
    }

    /** The last value of each figure, and the best, of which the first counts. */
    private void metrics() {
        if (runs.stream().allMatch(run -> run.metrics(false).isEmpty())) {
            return;
        }
        html.element("h2", "Losses and metrics");
        Table table = new Table(html, List.of("run", "figure"), List.of("last", "best", "at epoch"), List.of());
        for (Run run : runs) {
            run.metrics(true).forEach((metric, points) -> {
                Comparator<Run.Point> byValue = Comparator.comparingDouble(Run.Point::value);
                Run.Point best = points.stream().min(Metric.isShare(metric.name()) ? byValue.reversed() : byValue)
                        .orElseThrow();
                Run.Point last = points.get(points.size() - 1);
                table.row(List.of(run.name(), metric.text(), metric.text(last.value()), metric.text(best.value()),
                        run.epochs().isEmpty() ? NONE : Figures.tick(best.x())));
            });
        }
        table.close();
    }

    private void breakdowns() {
        if (runs.stream().allMatch(run -> run.breakdown().isEmpty())) {
            return;
        }
        html.element("h2", "Step breakdown, ms");
        List<String> heads = new ArrayList<>(Breakdown.partNames());
        heads.addAll(List.of("optimizer in all", "communication hidden", "GFLOP/s a rank", "share of matrix products"));
        Table table = new Table(html, List.of("run"), heads, List.of());
        for (Run run : runs) {
            run.breakdown().ifPresent(breakdown -> {
                List<String> cells = new ArrayList<>(List.of(run.name()));
                breakdown.milliseconds().forEach(part -> cells.add(Figures.number(part)));
                cells.add(Figures.milliseconds(breakdown.optimizer()));
                cells.add(text(breakdown.hiddenFraction(), Figures::percent));
                cells.add(Figures.number(breakdown.gigaflops()));
                cells.add(Figures.percent(breakdown.gemmShare()));
                table.row(cells);
            });
        }
        table.close();
    }

    /** The settings that are not the same in all runs. */
    private void differences() {
        List<Run> known = runs.stream().filter(run -> !run.settings().isEmpty()).toList();
        Set<String> keys = known.stream().flatMap(run -> run.settings().keySet().stream())
                .collect(Collectors.toCollection(LinkedHashSet::new));
        keys.removeAll(OF_THE_RUN);
        keys.removeIf(key -> known.stream().map(run -> run.settings().getOrDefault(key, NONE)).distinct().count() == 1);
        if (known.size() < 2) {
            return;
        }
        html.element("h2", "Settings that differ");
        if (keys.isEmpty()) {
            html.element("p", "None: the runs differ in nothing that a job file says.");
            return;
        }
        Table table = new Table(html, List.of("key"), List.of(), known.stream().map(Run::name).toList());
        keys.forEach(key -> table.row(Stream.concat(Stream.of(key),
                known.stream().map(run -> run.settings().getOrDefault(key, NONE))).toList()));
        table.close();
    }

    private void places() {
        html.element("h2", "Where they ran");
        Table table = new Table(html, List.of("run"), List.of(), List.of("lockstep", "device", "hosts", "threads a rank",
                "CPU", "MPI"));
        for (Run run : runs) {
            JsonNode where = run.environment();
            JsonNode program = where.path("lockstep");
            table.row(List.of(run.name(), program.isMissingNode() ? NONE
                    : string(program.path("version")) + ", commit " + string(program.path("commit")),
                    string(where.path("device").path("name")), ofRanks(where, "host"), ofRanks(where, "threads"), string(where.path("cpu").path("model")),
                    string(where.path("mpi"))));
        }
        table.close();
    }

    private static String ofRanks(JsonNode environment, String key) {
        String texts = StreamSupport.stream(environment.path("ranks").spliterator(), false)
                .map(rank -> string(rank.path(key))).distinct().collect(Collectors.joining(", "));
        return texts.isEmpty() ? NONE : texts;
    }

    private static String string(JsonNode value) {
        return value.isValueNode() && !value.asText().isEmpty() ? value.asText() : NONE;
    }

    private void details(Run run) {
        if (!run.epochs().isEmpty()) {
            html.open("details").element("summary", "Epochs of " + run.name());
            records(run.epochs().values());
            html.close();
        }
        if (!run.validations().isEmpty()) {
            html.open("details").element("summary", "Validations of " + run.name());
            records(run.validations());
            html.close();
        }
        if (!run.settings().isEmpty()) {
            html.open("details").element("summary", "All settings of " + run.name());
            html.element("pre", run.settings().entrySet().stream()
                    .map(setting -> setting.getKey() + ": " + setting.getValue()).collect(Collectors.joining("\n"))).close();
        }
    }

    /** A row a record: where it stands, and what is not of the step's breakdown. */
    private void records(Collection<JsonNode> records) {
        List<String> names = List.of("epoch", "step");
        Set<String> keys = new LinkedHashSet<>();
        records.forEach(record -> record.fieldNames().forEachRemaining(key -> {
            if (isShown(key) && Run.number(record, key).isPresent()) {
                keys.add(key);
            }
        }));
        Table table = new Table(html, names, keys.stream().map(key -> key.replace('_', ' ')).toList(), List.of());
        records.forEach(record -> table.row(Stream.concat(
                names.stream().map(name -> record.path(name).asText()),
                keys.stream().map(key -> text(Run.number(record, key), Figures::number))).toList()));
        table.close();
    }

    private static boolean isShown(String key) {
        return Stream.of(Split.values()).anyMatch(split -> key.startsWith(split.prefix()))
                || List.of("learning_rate", "samples_per_second", "seconds").contains(key);
    }
}

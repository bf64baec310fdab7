package dev.lockstep.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * What a run's folder says.
 *
 * @param name          how the report calls it
 * @param settings      of config.yaml, by dotted key; empty where it cannot be read
 * @param environment   of environment.json; of no kind where it cannot be read
 * @param epochs        their records, by epoch
 * @param validations   the records of validation in training
 * @param summary       the last record of a run that has come to its end
 * @param losses        of single steps, against the step; empty where none were logged
 * @param learningRates likewise
 * @param notes         what was wrong with the folder
 */
record Run(String name, Map<String, String> settings, JsonNode environment, NavigableMap<Integer, JsonNode> epochs,
        List<JsonNode> validations, Optional<JsonNode> summary, Curve losses, Curve learningRates, List<String> notes) {
    /** @param x an epoch, or a step */
    record Point(double x, double value) {
    }

    /** Beyond it a number is none that a chart could show. */
    private static final double LARGEST = 1e100;

    static OptionalDouble number(JsonNode record, String key) {
        JsonNode value = record.path(key);
        return value.isNumber() && Math.abs(value.asDouble()) < LARGEST ? OptionalDouble.of(value.asDouble())
                : OptionalDouble.empty();
    }

    /** Steps that are known to be done. */
    long steps() {
        double step = losses.lastX();
        for (JsonNode epoch : epochs.values()) {
            step = Math.max(step, epoch.path("step").asDouble());
        }
        return (long) step;
    }

    /** Where a step lies among the epochs: by those that are done, and behind them at the last one's pace. */
    double epochOf(double step) {
        double epochBefore = 0;
        double stepBefore = 0;
        double pace = 0;
        for (Map.Entry<Integer, JsonNode> epoch : epochs.entrySet()) {
            double end = epoch.getValue().path("step").asDouble();
            if (end > stepBefore) {
                pace = (epoch.getKey() - epochBefore) / (end - stepBefore);
                if (step <= end) {
                    break;
                }
                epochBefore = epoch.getKey();
                stepBefore = end;
            }
        }
        return epochBefore + (step - stepBefore) * pace;
    }

    /** All figures of the model, each against the epoch, or the step. */
    Map<Metric, List<Point>> metrics(boolean byEpoch) {
        Map<Metric, NavigableMap<Double, Double>> values = new LinkedHashMap<>();
        epochs.forEach((epoch, record) -> add(values, record, byEpoch ? epoch : record.path("step").asDouble()));
        for (JsonNode record : validations) {
            double step = record.path("step").asDouble();
            add(values, record, byEpoch ? epochOf(step) : step);
        }
        Map<Metric, List<Point>> metrics = new LinkedHashMap<>();
        values.forEach((metric, points) -> metrics.put(metric, points.entrySet().stream()
                .map(point -> new Point(point.getKey(), point.getValue())).toList()));
        return metrics;
    }

    private static void add(Map<Metric, NavigableMap<Double, Double>> values, JsonNode record, double x) {
        record.fieldNames().forEachRemaining(key -> {
            for (Split split : Split.values()) {
                if (key.startsWith(split.prefix()) && key.length() > split.prefix().length()) {
                    Metric metric = new Metric(key.substring(split.prefix().length()), split);
                    number(record, key).ifPresent(value ->
                            values.computeIfAbsent(metric, any -> new TreeMap<>()).put(x, value));
                }
            }
        });
    }

    /** One figure of the epochs. */
    List<Point> ofEpochs(String key, boolean byEpoch) {
        return epochs.entrySet().stream().filter(epoch -> number(epoch.getValue(), key).isPresent())
                .map(epoch -> new Point(byEpoch ? epoch.getKey() : epoch.getValue().path("step").asDouble(),
                        number(epoch.getValue(), key).getAsDouble())).toList();
    }

    /** Median over the epochs, the first left out where there are more: it warms up. */
    OptionalDouble samplesPerSecond() {
        List<Point> rates = ofEpochs("samples_per_second", true);
        double[] sorted = rates.stream().skip(rates.size() > 1 ? 1 : 0).mapToDouble(Point::value).sorted().toArray();
        return sorted.length == 0 ? OptionalDouble.empty()
                : Arrays.stream(sorted, (sorted.length - 1) / 2, sorted.length / 2 + 1).average();
    }

    /** Mean over the epochs, the first left out where there are more. */
    Optional<Breakdown> breakdown() {
        List<JsonNode> told = epochs.values().stream().filter(Breakdown::isIn).toList();
        return told.isEmpty() ? Optional.empty()
                : Optional.of(Breakdown.mean(told.subList(told.size() > 1 ? 1 : 0, told.size())));
    }
}

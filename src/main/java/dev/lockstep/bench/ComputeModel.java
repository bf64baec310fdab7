package dev.lockstep.bench;

import dev.lockstep.bench.StepResult.Operation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a rank's operations take, by the batch: measured on one rank, where nothing runs beside them. A weight's gradient is
 * kept as a whole, as other plans compute other ranges of its rows.
 */
final class ComputeModel {
    private static final Pattern WEIGHT = Pattern.compile("(.*\\.backward\\.weight) rows ([0-9]+)-([0-9]+)");

    /** Seconds of an operation: {@code fixed} and so many per sample. */
    private record Line(double fixed, double perSample) {
        double seconds(int batch) {
            return fixed + perSample * batch;
        }

        /** Of one batch size alone, proportional to it; else a least-squares line with nothing negative. */
        static Line through(List<double[]> points) {
            double n = points.size();
            double x = points.stream().mapToDouble(point -> point[0]).sum();
            double y = points.stream().mapToDouble(point -> point[1]).sum();
            double xx = points.stream().mapToDouble(point -> point[0] * point[0]).sum();
            double xy = points.stream().mapToDouble(point -> point[0] * point[1]).sum();
            double determinant = n * xx - x * x;
            double perSample = determinant > 1e-9 * n * xx ? (n * xy - x * y) / determinant : xy / xx;
            double fixed = (y - perSample * x) / n;
            if (determinant <= 1e-9 * n * xx || fixed < 0) {
                return new Line(0, xy / xx);
            }
            return perSample < 0 ? new Line(y / n, 0) : new Line(fixed, perSample);
        }
    }

    /** By name, in order; a weight's gradient is "2.backward.weight". */
    private final Map<String, Line> lines = new LinkedHashMap<>();
    private final Map<String, String> phases = new LinkedHashMap<>();
    private final Map<String, Integer> weightRows = new LinkedHashMap<>();
    private final double updateSeconds;
    private final double betweenSeconds;

    /** @param alone measured with one rank, at least one, all of one model */
    ComputeModel(List<StepResult> alone) {
        Map<String, List<double[]>> points = new LinkedHashMap<>();
        List<Double> updates = new ArrayList<>();
        List<Double> between = new ArrayList<>();
        for (StepResult result : alone) {
            Map<String, Double> seconds = new LinkedHashMap<>();
            for (Operation operation : result.operations()) {
                if (!operation.phase().equals("optimizer")) {
                    seconds.merge(name(operation.name()), operation.seconds(), Double::sum);
                    phases.put(name(operation.name()), operation.phase());
                    Matcher matcher = WEIGHT.matcher(operation.name());
                    if (matcher.matches()) {
                        weightRows.merge(matcher.group(1), Integer.parseInt(matcher.group(3)), Math::max);
                    }
                }
            }
            seconds.forEach((name, value) -> points.computeIfAbsent(name, key -> new ArrayList<>())
                    .add(new double[] {result.batchSize(), value}));
            updates.add(seconds(result.operations(), "optimizer"));
            double all = result.operations().stream().mapToDouble(Operation::seconds).sum();
            between.add(Math.max(0, result.stepSecondsMedian() - all));
        }
        points.forEach((name, values) -> lines.put(name, Line.through(values)));
        updateSeconds = Statistics.median(updates.stream().mapToDouble(Double::doubleValue).toArray());
        betweenSeconds = Statistics.median(between.stream().mapToDouble(Double::doubleValue).toArray());
    }

    static double seconds(List<Operation> operations, String phase) {
        return operations.stream().filter(operation -> operation.phase().equals(phase))
                .mapToDouble(Operation::seconds).sum();
    }

    private static String name(String operation) {
        Matcher matcher = WEIGHT.matcher(operation);
        return matcher.matches() ? matcher.group(1) : operation;
    }

    /** Of a phase's operations. */
    double seconds(String phase, int batch) {
        return lines.entrySet().stream().filter(line -> phases.get(line.getKey()).equals(phase))
                .mapToDouble(line -> line.getValue().seconds(batch)).sum();
    }

    /** Of all parameters. */
    double updateSeconds() {
        return updateSeconds;
    }

    /** What of a step is none of its operations. */
    double betweenSeconds() {
        return betweenSeconds;
    }

    /** @param rowEnds by layer's weight ("2.weight"), the ends of the row ranges that its gradient is computed in */
    List<Operation> operations(int batch, Map<String, int[]> rowEnds) {
        List<Operation> operations = new ArrayList<>();
        lines.forEach((name, line) -> {
            double seconds = line.seconds(batch);
            Integer rows = weightRows.get(name);
            if (rows == null) {
                operations.add(new Operation(name, phases.get(name), 0, seconds));
            } else {
                int first = 0;
                for (int end : rowEnds.get(name.replace(".backward.weight", ".weight"))) {
                    operations.add(new Operation(name + " rows " + first + "-" + end, phases.get(name), 0,
                            seconds * (end - first) / rows));
                    first = end;
                }
            }
        });
        return operations;
    }
}

package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.ScalingConfig.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * What is predicted from the rows of a scaling benchmark: their own times, to see how well, and those of more ranks.
 *
 * @param points      ascending; none where the rows do not allow any
 * @param explanation what they assume, or why there are none; a sentence
 */
public record NextPoints(List<PredictedPoint> points, String explanation) {
    /** As many times the largest measured number of ranks, by powers of two. */
    private static final int FACTOR = 8;

    public static NextPoints of(ScalingResult result) {
        List<ScalingRow> rows = ScalingTable.of(result).rows().stream()
                .filter(row -> row.measured().isPresent() && !row.oversubscribed()).toList();
        ScalingRow base = rows.stream().filter(row -> row.ranks() == result.setup().baseRanks()).findFirst().orElse(null);
        if (base == null) {
            return none("the base of efficiency was not measured");
        }
        List<StepResult> steps = new ArrayList<>();
        try {
            for (ScalingRow row : rows) {
                steps.add(Measurements.step(typical(result, row), ScalingTable.count(row.ranks())));
            }
            return of(result, Prediction.of(steps), steps, rows, samplesPerSecondAndRank(base));
        } catch (InvalidInputException e) {
            return none(e.getMessage());
        }
    }

    /** What the run printed that was nearest to all of as many ranks. */
    private static JsonNode typical(ScalingResult result, ScalingRow row) {
        double median = row.measured().orElseThrow().stepSeconds().value();
        return result.runs(row.ranks()).stream().map(ScalingRun::result).filter(Objects::nonNull)
                .min(Comparator.comparingDouble(line -> Math.abs(line.path("step_seconds_median").asDouble() - median)))
                .orElseThrow();
    }

    private static NextPoints none(String reason) {
        return new NextPoints(List.of(), "Nothing is predicted: " + reason + ".");
    }

    private static double samplesPerSecondAndRank(ScalingRow row) {
        return row.measured().orElseThrow().samplesPerSecond().value() / row.ranks();
    }

    private static NextPoints of(ScalingResult result, Prediction prediction, List<StepResult> steps, List<ScalingRow> rows,
            double base) {
        List<PredictedPoint> points = new ArrayList<>();
        List<Prediction.Comparison> comparisons = prediction.compare(steps);
        for (int i = 0; i < rows.size(); i++) {
            double seconds = comparisons.get(i).predictedSeconds();
            double error = seconds / rows.get(i).measured().orElseThrow().stepSeconds().value() - 1;
            points.add(new PredictedPoint(rows.get(i).ranks(), seconds, steps.get(i).batchSize() / seconds / base,
                    OptionalDouble.of(error), comparisons.get(i).fitted()));
        }
        int measured = points.get(points.size() - 1).ranks();
        int most = FACTOR * Integer.highestOneBit(measured);
        boolean severalHosts = prediction.fitted().stream().anyMatch(step -> step.hosts() > 1);
        // Without a link there is only the one host, which has to be larger then.
        ScalingForecast forecast = severalHosts ? ScalingForecast.of(prediction)
                : new ScalingForecast(prediction, most, Double.NaN);
        List<ScalingForecast.Row> predicted = result.setup().scaling() == Kind.STRONG
                ? forecast.strong(result.setup().batch(), most) : forecast.weak(result.setup().batch(), most);
        predicted.stream().filter(row -> row.ranks() > measured).forEach(row -> points.add(new PredictedPoint(row.ranks(),
                row.stepSeconds(), row.samplesPerSecond() / row.ranks() / base, OptionalDouble.empty(), false)));
        return new NextPoints(points, "Predicted as bench predict does, for "
                + (severalHosts ? "more hosts like those measured." : "one larger machine with as many cores a rank: no link"
                        + " between hosts was measured."));
    }
}

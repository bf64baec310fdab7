package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * What follows from a scaling benchmark's runs.
 *
 * @param rows     by number of ranks, ascending
 * @param warnings what a reader must know before believing the rows; a sentence each
 */
public record ScalingTable(List<ScalingRow> rows, List<Factor> factors, List<String> warnings) {
    static ScalingTable of(ScalingResult result) {
        int baseRanks = result.setup().baseRanks();
        ScalingRow base = ScalingRow.of(result, baseRanks);
        List<ScalingRow> rows = result.setup().ranks().stream()
                .map(ranks -> ScalingRow.of(result, ranks).against(base)).toList();
        List<Factor> factors = Factor.of(result);
        return new ScalingTable(rows, factors, warnings(result, rows, factors));
    }

    private static List<String> warnings(ScalingResult result, List<ScalingRow> rows, List<Factor> factors) {
        List<String> warnings = new ArrayList<>();
        if (result.state() != ScalingResult.State.COMPLETE) {
            warnings.add("Partial results: " + (result.state() == ScalingResult.State.INTERRUPTED
                    ? "the benchmark was interrupted" : "the benchmark has not ended, or was killed") + " after "
                    + result.runs().size() + " of " + result.setup().runs() + " runs.");
        }
        ranks(rows, row -> row.status() == ScalingRow.Status.FAILED).ifPresent(ranks -> warnings.add(
                "Failed, with its reason in the table: " + ranks + "."));
        Optional<ScalingRow> base = rows.stream().filter(row -> row.ranks() == result.setup().baseRanks()).findFirst();
        if (base.isPresent() && base.get().measured().isEmpty()) {
            warnings.add("No efficiency: the base, " + count(base.get().ranks()) + ", was not measured.");
        } else if (base.isPresent() && base.get().status() != ScalingRow.Status.OK) {
            warnings.add("Efficiency is against a base of which not all runs were measured: "
                    + count(base.get().ranks()) + ".");
        }
        ranks(rows, ScalingRow::oversubscribed).ifPresent(ranks -> warnings.add(
                "More ranks than cores for them, so that they took turns: " + ranks + "."));
        factors.stream().filter(Factor::differs).forEach(factor -> warnings.add(
                "The rows differ in more than the number of ranks: " + factor.name() + " " + factor.text() + "."));
        if (result.setup().commit().endsWith("-dirty")) {
            warnings.add("The program was built from sources that are in no commit: " + result.setup().commit() + ".");
        }
        return warnings;
    }

    private static Optional<String> ranks(List<ScalingRow> rows, Predicate<ScalingRow> condition) {
        List<ScalingRow> some = rows.stream().filter(condition).toList();
        if (some.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(some.size() == 1 ? count(some.get(0).ranks())
                : some.stream().map(row -> "" + row.ranks()).collect(Collectors.joining(", ")) + " ranks");
    }

    static String count(int ranks) {
        return ranks + (ranks == 1 ? " rank" : " ranks");
    }

    /** Whether every row was measured as planned. */
    public boolean isWhole() {
        return rows.stream().allMatch(row -> row.status() == ScalingRow.Status.OK);
    }
}

package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.job.ScalingConfig.Kind;
import dev.lockstep.report.Breakdown;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ScalingTableTest {
    @Test
    void shouldCompareTimesWeightedWithRanksInStrongScaling() {
        // The base is of two ranks.
        ScalingTable table = ScalingTable.of(new ScalingResults(Kind.STRONG, 64, 2, 8).run(2, 0.4).run(8, 0.125).result());

        assertEquals(0.4 * 2 / (0.125 * 8), efficiency(table, 1).value(), 1e-12);
        assertEquals(64 / 0.125, table.rows().get(1).measured().orElseThrow().samplesPerSecond().value(), 1e-9);
    }

    @Test
    void shouldCompareTimesInWeakScaling() {
        ScalingTable table = ScalingTable.of(new ScalingResults(Kind.WEAK, 64, 2, 8).run(2, 0.4).run(8, 0.5).result());

        assertEquals(0.8, efficiency(table, 1).value(), 1e-12);
        assertEquals(8 * 64 / 0.5, table.rows().get(1).measured().orElseThrow().samplesPerSecond().value(), 1e-9);
    }

    @Test
    void shouldTakeTheMedianOverTheStepsOfAllRunsWithItsInterval() {
        double[] first = {0.30, 0.10, 0.12, 0.11};
        double[] second = {0.13, 0.14, 0.15, 0.16, 0.90};
        ScalingRow.Measured measured = ScalingTable.of(new ScalingResults(Kind.WEAK, 64, 1).repeats(2).run(1, first)
                .run(1, second).result()).rows().get(0).measured().orElseThrow();

        // Nine steps: the interval is from the second to the second but last.
        assertEquals(new Estimate(0.14, 0.11, 0.30), measured.stepSeconds());
        assertEquals(9, measured.steps());
        assertEquals(List.of(Statistics.median(first), Statistics.median(second)), measured.runMedianSeconds());
        assertEquals(new Estimate(64 / 0.14, 64 / 0.30, 64 / 0.11), measured.samplesPerSecond());
    }

    @Test
    void shouldMakeTheIntervalOfEfficiencyAsWideAsBothAllow() {
        ScalingTable table = ScalingTable.of(new ScalingResults(Kind.WEAK, 64, 1, 2).run(1, 0.9, 1.0, 1.1)
                .run(2, 1.2, 1.25, 1.3).result());

        assertEquals(new Estimate(1, 1, 1), efficiency(table, 0));
        assertEquals(0.8, efficiency(table, 1).value(), 1e-12);
        assertEquals(0.9 / 1.3, efficiency(table, 1).low(), 1e-12);
        assertEquals(1.1 / 1.2, efficiency(table, 1).high(), 1e-12);
    }

    @Test
    void shouldHaveNoEfficiencyWithoutTheBase() {
        ScalingTable table = ScalingTable.of(new ScalingResults(Kind.WEAK, 64, 1, 2).failed(1, "gone").run(2, 1).result());

        assertEquals(Optional.empty(), table.rows().get(1).efficiency());
        assertFalse(table.isWhole());
    }

    @Test
    void shouldTellWhatWasBrokenOffFromWhatFailed() {
        ScalingTable table = ScalingTable.of(new ScalingResults(Kind.WEAK, 64, 1, 2, 4).repeats(2)
                .state(ScalingResult.State.INTERRUPTED).run(1, 1).run(1, 1).run(2, 1).result());

        assertEquals(List.of(ScalingRow.Status.OK, ScalingRow.Status.PARTIAL, ScalingRow.Status.NOT_RUN),
                table.rows().stream().map(ScalingRow::status).toList());
        assertEquals("1 of 2 repeats", table.rows().get(1).reason());
        assertFalse(table.isWhole());
    }

    @Test
    void shouldTellTheRunThatWasInterruptedFromThoseNotBegun() {
        assertEquals(List.of("", "interrupted during repeat 1", "not begun when the benchmark ended"),
                reasons(new ScalingResults(Kind.WEAK, 64, 1, 2, 4).run(1, 1).interrupted(2, 1)));
        assertEquals(List.of("", "1 of 2 repeats, interrupted during repeat 2", "1 of 2 repeats"), reasons(
                new ScalingResults(Kind.WEAK, 64, 4, 2, 1).repeats(2).run(4, 1).run(2, 1).run(1, 1).run(4, 1)
                        .interrupted(2, 2)));
    }

    @Test
    void shouldNotTakeARunningBenchmarkForOneThatHasEnded() {
        ScalingTable table = ScalingTable.of(new ScalingResults(Kind.WEAK, 64, 1, 2).run(1, 1)
                .state(ScalingResult.State.RUNNING).result());

        assertEquals("not run so far", table.rows().get(1).outcome());
    }

    private static List<String> reasons(ScalingResults results) {
        return ScalingTable.of(results.result()).rows().stream().map(ScalingRow::reason).toList();
    }

    @Test
    void shouldMarkMoreRanksThanCoresAsPlannedAndAsFound() {
        ScalingResults results = new ScalingResults(Kind.WEAK, 64, 1, 2, 4).cores(2).run(1, 1).failed(4, "gone");
        results.run(results.line(2, 1.0).put("cores", 1));

        assertEquals(List.of(false, true, true),
                ScalingTable.of(results.result()).rows().stream().map(ScalingRow::oversubscribed).toList());
    }

    @Test
    void shouldWarnWhereRepeatsOfAsManyRanksDiffer() {
        ScalingResults results = new ScalingResults(Kind.WEAK, 64, 1).repeats(2).run(1, 1);
        results.run(results.line(1, 1.0).put("device", "CUDA"));

        assertEquals(List.of("The rows differ in more than the number of ranks: device CPU (1 rank); CUDA (1 rank)."),
                ScalingTable.of(results.result()).warnings());
    }

    @Test
    void shouldNotTakeTheNumberOfRanksForADifference() {
        ScalingTable table = ScalingTable.of(new ScalingResults(Kind.STRONG, 64, 1, 2, 4).run(1, 1).run(2, 1).run(4, 1)
                .result());

        assertEquals(List.of(), table.warnings());
        assertTrue(table.factors().stream().anyMatch(factor -> factor.name().equals("MPI")
                && factor.text().equals("Open MPI 4.1.4, started by mpirun")));
        assertTrue(table.factors().stream()
                .anyMatch(factor -> factor.name().equals("overlap") && factor.text().equals("true")));
    }

    @Test
    void shouldLeaveTheRestOfAStepToWhatFollowsCommunication() {
        Breakdown breakdown = ScalingTable.of(new ScalingResults(Kind.WEAK, 64, 2).run(2, 1.0).result()).rows().get(0)
                .measured().orElseThrow().breakdown().orElseThrow();

        assertEquals(List.of("data", "forward", "backward", "exposed communication", "optimizer and rest"),
                List.copyOf(breakdown.seconds().keySet()));
        assertEquals(1 - 0.02 - 0.25 - 0.5 - 0.1, breakdown.seconds().get("optimizer and rest"), 1e-12);
        assertEquals(0.75, breakdown.hiddenFraction().orElseThrow());
    }

    private static Estimate efficiency(ScalingTable table, int row) {
        return table.rows().get(row).efficiency().orElseThrow();
    }
}

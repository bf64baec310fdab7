package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.report.Breakdown;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/**
 * One number of ranks in a scaling benchmark's table.
 *
 * @param oversubscribed whether there are more ranks than cores for them
 * @param reason         why {@code status} is not OK; empty if it is
 * @param repeats        runs that were measured
 * @param measured       of the runs that did not fail; empty where there are none
 * @param efficiency     against the base; empty where either was not measured
 */
public record ScalingRow(int ranks, Status status, String reason, boolean oversubscribed, int repeats,
        Optional<Measured> measured, Optional<Estimate> efficiency) {

    private static final String SO_FAR = "so far";

    /** FAILED: at least one run did. PARTIAL: none did, but not all were made. */
    public enum Status {
        OK,
        PARTIAL,
        FAILED,
        NOT_RUN
    }

    /**
     * @param stepSeconds      of the slowest rank, the median over the steps of all runs
     * @param runMedianSeconds the median of each run by itself
     * @param samplesPerSecond of all ranks
     * @param breakdown        empty if the runs did not tell
     * @param line             of the first run, for what is the same in all of them
     */
    public record Measured(Estimate stepSeconds, List<Double> runMedianSeconds, int steps, Estimate samplesPerSecond,
            Optional<Breakdown> breakdown, JsonNode line) {
        static Measured of(List<JsonNode> lines) {
            double[] seconds = lines.stream().flatMapToDouble(line -> StreamSupport
                    .stream(line.path("step_seconds").spliterator(), false).mapToDouble(JsonNode::asDouble)).toArray();
            JsonNode first = lines.get(0);
            Estimate step = Estimate.ofMedian(seconds);
            return new Measured(step,
                    lines.stream().map(line -> line.path("step_seconds_median").asDouble()).toList(), seconds.length,
                    step.inverted(first.path("global_batch").asDouble()),
                    lines.stream().allMatch(line -> line.path("breakdown").path("step_seconds").isNumber())
                            ? Optional.of(Breakdown.mean(lines.stream().map(line -> line.path("breakdown")).toList()))
                            : Optional.empty(),
                    first);
        }

        /** The hardware threads that the ranks were bound to, as they found them: {@code "0-1 2-3"}. */
        String cpus() {
            return StreamSupport.stream(line.path("environment").path("ranks").spliterator(), false)
                    .map(rank -> rank.path("cpus").asText()).distinct().collect(Collectors.joining(" "));
        }

        /** Of each rank, for efficiency: the same for strong and for weak scaling. */
        private Estimate samplesPerSecondAndRank(int ranks) {
            return samplesPerSecond.times(1.0 / ranks);
        }
    }

    /** Without efficiency, which takes the base. */
    static ScalingRow of(ScalingResult result, int ranks) {
        List<JsonNode> lines = result.runs(ranks).stream().map(ScalingRun::result).filter(line -> line != null).toList();
        Optional<Measured> measured = lines.isEmpty() ? Optional.empty() : Optional.of(Measured.of(lines));
        Optional<String> failure = result.failure(ranks);
        int repeats = result.setup().repeats();
        String interrupted = result.interrupted() == null || result.interrupted().ranks() != ranks ? ""
                : "interrupted during repeat " + result.interrupted().repeat();
        Status status;
        String reason = "";
        if (failure.isPresent()) {
            status = Status.FAILED;
            reason = failure.get();
        } else if (lines.isEmpty()) {
            status = Status.NOT_RUN;
            // A benchmark that was killed looks as one that still runs.
            reason = !interrupted.isEmpty() ? interrupted : result.state() == ScalingResult.State.RUNNING ? SO_FAR
                    : "not begun when the benchmark ended";
        } else if (lines.size() < repeats) {
            status = Status.PARTIAL;
            reason = lines.size() + " of " + repeats + " repeats" + (interrupted.isEmpty() ? "" : ", " + interrupted);
        } else {
            status = Status.OK;
        }
        boolean oversubscribed = result.setup().oversubscribed().contains(ranks)
                || lines.stream().anyMatch(line -> ranks > line.path("cores").asInt(ranks));
        return new ScalingRow(ranks, status, reason, oversubscribed, lines.size(), measured, Optional.empty());
    }

    /**
     * With efficiency: samples a second and rank, relative to those of the base. In strong scaling that is
     * (t_base p_base) / (t p), in weak scaling t_base / t.
     */
    ScalingRow against(ScalingRow base) {
        Optional<Estimate> relative = ranks == base.ranks ? measured.map(m -> new Estimate(1, 1, 1))
                : measured.flatMap(own -> base.measured.map(reference -> own.samplesPerSecondAndRank(ranks)
                        .over(reference.samplesPerSecondAndRank(base.ranks))));
        return new ScalingRow(ranks, status, reason, oversubscribed, repeats, measured, relative);
    }

    /** {@code "ok"}, {@code "not run"}. */
    String statusText() {
        return status.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    /** The status and its reason: {@code "ok"}, {@code "failed: exit status 1"}, {@code "not run so far"}. */
    String outcome() {
        return statusText() + (reason.isEmpty() ? "" : reason.equals(SO_FAR) ? " " + reason : ": " + reason);
    }
}

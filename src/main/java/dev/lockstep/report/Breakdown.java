package dev.lockstep.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a step consists of, in mean seconds of the slowest rank.
 *
 * @param seconds        by part, in the order in which the parts follow each other; the last is what they leave of the step:
 *                       the updates that did not run while chunks were reduced, and what training does between two steps
 * @param optimizer      of all updates, also of those that ran while later chunks were reduced
 * @param hiddenFraction of all communication, as a run's summary has it; empty where there is none
 * @param gemmShare      of the time in matrix products in the step's
 */
public record Breakdown(Map<String, Double> seconds, double optimizer, OptionalDouble hiddenFraction, double gigaflops,
        double gemmShare) {
    /** The parts, by the key of their seconds. */
    private static final Map<String, String> PARTS = parts();
    private static final String REST = "optimizer and rest";

    private static Map<String, String> parts() {
        Map<String, String> parts = new LinkedHashMap<>();
        parts.put("data_seconds", "data");
        parts.put("forward_seconds", "forward");
        parts.put("backward_seconds", "backward");
        parts.put("exposed_comm_seconds", "exposed communication");
        return parts;
    }

    public static List<String> partNames() {
        List<String> names = new ArrayList<>(PARTS.values());
        names.add(REST);
        return names;
    }

    /** Of each part, in order. */
    public List<Double> milliseconds() {
        return seconds.values().stream().map(part -> part * 1e3).toList();
    }

    /** Whether a record tells all of it. */
    static boolean isIn(JsonNode record) {
        return record.path("step_seconds").isNumber()
                && PARTS.keySet().stream().allMatch(key -> record.path(key).isNumber());
    }

    /**
     * The mean over epochs, or runs.
     *
     * @param breakdowns objects with the keys of metrics.jsonl
     */
    public static Breakdown mean(List<JsonNode> breakdowns) {
        Map<String, Double> seconds = new LinkedHashMap<>();
        PARTS.forEach((key, part) -> seconds.put(part, mean(breakdowns, key)));
        double sum = seconds.values().stream().mapToDouble(Double::doubleValue).sum();
        seconds.put(REST, Math.max(0, mean(breakdowns, "step_seconds") - sum));
        double comm = mean(breakdowns, "comm_seconds");
        double exposed = mean(breakdowns, "exposed_comm_seconds");
        return new Breakdown(seconds, mean(breakdowns, "optimizer_seconds"),
                comm > 0 ? OptionalDouble.of(1 - exposed / comm) : OptionalDouble.empty(),
                mean(breakdowns, "gflops"), mean(breakdowns, "gemm_share"));
    }

    private static double mean(List<JsonNode> breakdowns, String key) {
        return breakdowns.stream().mapToDouble(breakdown -> breakdown.path(key).asDouble()).average().orElse(0);
    }
}

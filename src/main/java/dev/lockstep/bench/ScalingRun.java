package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * One run of a scaling benchmark.
 *
 * @param repeat  counted from 1
 * @param started as ISO 8601 has it
 * @param seconds from start to end
 * @param failure why there is no {@code result}; null if there is one
 * @param result  what {@code bench step --json} printed, every key of it; null if it failed
 */
public record ScalingRun(int ranks, int repeat, List<String> command, String started, double seconds, String failure,
        JsonNode result) {
}

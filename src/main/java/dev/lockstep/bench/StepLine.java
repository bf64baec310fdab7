package dev.lockstep.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.StreamSupport;

/** The line that {@code bench step --json} prints, found among what mpirun brings, and checked. */
final class StepLine {
    /** What it printed is not that line, or the line of another run. */
    static final class MalformedException extends Exception {
        MalformedException(String message) {
            super(message);
        }
    }

    private StepLine() {
    }

    /** @param ranks that were started */
    static JsonNode find(List<String> stdout, int ranks, long globalBatch) throws MalformedException {
        List<JsonNode> found = stdout.stream().filter(line -> line.startsWith("{")).map(StepLine::read)
                .filter(node -> node.path("kind").asText().equals(StepResult.KIND)).toList();
        if (found.size() != 1) {
            throw new MalformedException("it ended well, but printed " + (found.isEmpty() ? "no line" : found.size()
                    + " lines") + " of kind step");
        }
        check(found.get(0), ranks, globalBatch);
        return found.get(0);
    }

    /** Whether a line is of such a run, and holds what every figure needs. */
    static void check(JsonNode line, int ranks, long globalBatch) throws MalformedException {
        require(line.path("ranks").asInt() == ranks, line, "ranks", ranks);
        // Whatever the batch: a rank has no more samples for a step than there are.
        if (line.path("global_batch").asLong() < globalBatch && line.path("samples").asLong(globalBatch) < globalBatch) {
            throw new MalformedException("the training data has " + line.path("samples").asLong() + " samples, fewer than"
                    + " the " + globalBatch + " that a step of " + ScalingTable.count(ranks) + " was to take; choose a smaller"
                    + " batch or more data");
        }
        require(line.path("global_batch").asLong() == globalBatch, line, "global_batch", globalBatch);
        JsonNode seconds = line.path("step_seconds");
        require(!seconds.isEmpty() && StreamSupport.stream(seconds.spliterator(), false)
                .allMatch(step -> step.isNumber() && step.asDouble() > 0), line, "step_seconds", "times above 0");
    }

    private static JsonNode read(String line) {
        try {
            return Json.MAPPER.readTree(line);
        } catch (JsonProcessingException e) {
            return Json.MAPPER.missingNode(); // a rank's own words that begin with a brace, or a line cut short
        }
    }

    private static void require(boolean condition, JsonNode line, String key, Object expected) throws MalformedException {
        if (!condition) {
            throw new MalformedException("in its line of kind step " + key + " should be " + expected + ", and is "
                    + line.path(key));
        }
    }
}

package dev.lockstep.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads what the benchmarks have printed with {@code --json}: one object a line. */
public final class Measurements {
    private Measurements() {
    }

    /**
     * The measured steps of a file, in order; of {@code bench overlap} those with overlap, then those without.
     *
     * @throws InvalidInputException naming the line that is something else
     */
    public static List<StepResult> read(Path file) {
        List<StepResult> steps = new ArrayList<>();
        List<String> lines = lines(file);
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                steps.addAll(parse(lines.get(i), file + ":" + (i + 1)));
            }
        }
        if (steps.isEmpty()) {
            throw new InvalidInputException(file + " is empty; give what bench step --json or bench overlap --json has printed");
        }
        return steps;
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (NoSuchFileException e) {
            throw new InvalidInputException(file + " does not exist; name a file that holds what bench step --json has"
                    + " printed", e);
        } catch (CharacterCodingException e) {
            throw new InvalidInputException(file + " is not text, so it holds nothing that bench step --json has printed", e);
        } catch (IOException e) {
            throw new InvalidInputException(file + " cannot be read (" + e.getMessage() + ")", e);
        }
    }

    /** @param where for messages */
    static List<StepResult> parse(String line, String where) {
        JsonNode object;
        try {
            object = Json.MAPPER.readTree(line);
        } catch (JsonProcessingException e) {
            throw new InvalidInputException(where + ": this is no JSON object; a line holds one that bench step --json or bench"
                    + " overlap --json has printed", e);
        }
        String kind = object.path("kind").asText();
        if (kind.equals(StepResult.KIND)) {
            return List.of(step(object, where));
        }
        if (kind.equals(OverlapResult.KIND)) {
            return List.of(step(object.path("on"), where), step(object.path("off"), where));
        }
        throw new InvalidInputException(where + ": this is "
                + (kind.isEmpty() ? "no result of a benchmark" : "a result of kind '" + kind + "'")
                + "; a line holds what bench step --json or bench overlap --json has printed");
    }

    private static StepResult step(JsonNode object, String where) {
        StepResult step;
        try {
            step = Json.MAPPER.treeToValue(object, StepResult.class);
        } catch (JsonProcessingException e) {
            throw new InvalidInputException(where + ": this result of a benchmark is damaged ("
                    + e.getOriginalMessage().lines().findFirst().orElse("") + ")", e);
        }
        boolean whole = step != null && step.ranks() >= 1 && step.hosts() >= 1 && step.cores() >= 1 && step.threads() >= 1
                && step.batchSize() >= 1 && step.stepSecondsMedian() > 0 && step.device() != null && step.precision() != null
                && step.gradientBytes() > 0 && step.backwardOrder() != null && !step.backwardOrder().isEmpty()
                && step.chunkBytesEach() != null && step.chunkSeconds() != null && step.operations() != null
                && (step.ranks() == 1 || step.chunkSeconds().length == step.chunkBytesEach().length);
        if (!whole) {
            throw new InvalidInputException(where + ": this result of a benchmark is not whole; it was printed by another"
                    + " version, or cut off");
        }
        if (step.operations().isEmpty()) {
            throw new InvalidInputException(where + ": none of these steps was timed from within, as only some are on a GPU;"
                    + " measure more steps");
        }
        return step;
    }
}

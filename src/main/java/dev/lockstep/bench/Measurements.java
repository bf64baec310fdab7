package dev.lockstep.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads what the benchmarks have measured: the objects that they print with {@code --json}, or a scaling.json. */
public final class Measurements {
    private static final String EXPECTED = "what bench step --json or bench overlap --json has printed, or a scaling.json";
    private static final String SCALING = "scaling";

    private Measurements() {
    }

    /**
     * The measured steps of a file, in order; of {@code bench overlap} those with overlap, then those without; of
     * {@code bench scaling} those of the runs that did not fail.
     *
     * @throws InvalidInputException naming the line where something else is
     */
    public static List<StepResult> read(Path file) {
        List<StepResult> steps = new ArrayList<>();
        String text = text(file);
        int line = 1;
        // The first token is read before there is an iterator.
        try (MappingIterator<JsonNode> objects = Json.MAPPER.readerFor(JsonNode.class).readValues(text)) {
            while (objects.hasNextValue()) {
                line = objects.getParser().currentTokenLocation().getLineNr();
                addSteps(steps, objects.nextValue(), file + ":" + line);
            }
        } catch (JsonProcessingException e) {
            line = Math.max(line, e.getLocation() == null ? 1 : e.getLocation().getLineNr());
            throw new InvalidInputException(file + ":" + line + ": this is no JSON; give " + EXPECTED, e);
        } catch (IOException e) {
            throw new IllegalStateException("text that cannot be read", e);
        }
        if (steps.isEmpty()) {
            throw new InvalidInputException(file + " holds no measured step; give " + EXPECTED);
        }
        return steps;
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new InvalidInputException(file + " does not exist; name a file that holds " + EXPECTED, e);
        } catch (CharacterCodingException e) {
            throw new InvalidInputException(file + " is not text; name a file that holds " + EXPECTED, e);
        } catch (IOException e) {
            throw new InvalidInputException(file + " cannot be read (" + e.getMessage() + ")", e);
        }
    }

    private static void addSteps(List<StepResult> steps, JsonNode object, String where) {
        String kind = object.path("kind").asText();
        switch (kind) {
            case StepResult.KIND -> steps.add(step(object, where));
            case OverlapResult.KIND -> {
                steps.add(step(object.path("on"), where));
                steps.add(step(object.path("off"), where));
            }
            case SCALING -> object.path("runs").forEach(run -> {
                if (run.path("result").isObject()) {
                    steps.add(step(run.path("result"), where));
                }
            });
            default -> throw new InvalidInputException(where + ": this is "
                    + (kind.isEmpty() ? "no result of a benchmark" : "a result of kind '" + kind + "'")
                    + "; give " + EXPECTED);
        }
    }

    /**
     * One object that {@code bench step --json} has printed.
     *
     * @param where for messages
     * @throws InvalidInputException if it is not whole
     */
    public static StepResult step(JsonNode object, String where) {
        StepResult step;
        try {
            step = Json.MAPPER.treeToValue(object, StepResult.class);
        } catch (JsonProcessingException e) {
            throw new InvalidInputException(where + ": this result of a benchmark is damaged ("
                    + e.getOriginalMessage().lines().findFirst().orElse("") + ")", e);
        }
        boolean whole = step != null && step.ranks() >= 1 && step.hosts() >= 1 && step.cores() >= 1
                && step.machineCores() >= 1
                && step.threads() >= 1 && step.batchSize() >= 1 && step.stepSecondsMedian() > 0 && step.device() != null
                && step.precision() != null && step.model() != null && step.optimizer() != null
                && step.gradientBytes() > 0 && step.backwardOrder() != null
                && !step.backwardOrder().isEmpty()
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

package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A checkpoint's state.json: all that resuming needs beside the tensors. Its last line is a SHA-256 of all before it, so
 * that any change is found.
 *
 * @param epochsCompleted  whose steps are all done
 * @param job              resolved, as YAML
 * @param ranks            that made it
 * @param batchSize        samples a rank in a full step, of all its micro-batches
 * @param trainSamples     of the training data
 * @param parametersSha256 of the parameters in model order; empty but at the end of training, as it takes seconds
 * @param files            beside this one, by name
 */
public record CheckpointState(Position position, int epochsCompleted, long optimizerSteps, String job, long seed,
        int ranks, int batchSize, int stepsPerEpoch, int trainSamples, String parametersSha256,
        Map<String, BytesSum> files) {
    static final int FORMAT = 3;

    private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    private static final String SEAL_START = ",\n  \"sha256_of_the_above\" : \"";
    private static final String SEAL_END = "\"\n}\n";
    private static final int SEAL_BYTES = SEAL_START.length() + 64 + SEAL_END.length();

    CheckpointState withFiles(Map<String, BytesSum> sums) {
        return new CheckpointState(position, epochsCompleted, optimizerSteps, job, seed, ranks, batchSize, stepsPerEpoch,
                trainSamples, parametersSha256, sums);
    }

    /** The job that made it. */
    public Job parseJob(Path from, List<String> sets) {
        return JobFile.parse(job, Path.of("").toAbsolutePath(), from.resolve("state.json") + " (job)", sets);
    }

    /** The file's content. */
    public byte[] toBytes() {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("format", FORMAT);
        state.put("epoch", epochsCompleted);
        state.put("step", position.step());
        state.put("optimizer_steps", optimizerSteps);
        state.put("ranks", ranks);
        state.put("batch_size", batchSize);
        state.put("seed", seed);
        state.put("steps_per_epoch", stepsPerEpoch);
        state.put("train_samples", trainSamples);
        Map<String, Object> next = new LinkedHashMap<>();
        next.put("epoch", position.epoch());
        next.put("samples_consumed", position.consumed());
        next.put("loss_sum", position.sums().loss());
        next.put("samples", position.sums().samples());
        next.put("seconds", position.sums().seconds());
        state.put("goes_on_in", next);
        ValidationProgress validation = position.validation();
        if (validation.step() > 0) {
            Map<String, Object> validated = new LinkedHashMap<>();
            validated.put("monitor", validation.monitor());
            validated.put("step", validation.step());
            validated.put("best", validation.best());
            validated.put("best_step", validation.bestStep());
            validated.put("best_checkpoint", validation.bestCheckpoint());
            validated.put("reference", validation.reference());
            validated.put("not_better", validation.notBetter());
            state.put("validation", validated);
        }
        if (!parametersSha256.isEmpty()) {
            state.put("parameters_sha256", parametersSha256);
        }
        state.put("job", job);
        state.put("files", files);
        try {
            String json = JSON.writeValueAsString(state);
            String body = json.substring(0, json.lastIndexOf('}')).stripTrailing();
            return sealed(body.getBytes(StandardCharsets.UTF_8));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a state that is no JSON: " + state, e);
        }
    }

    private static byte[] sealed(byte[] body) {
        byte[] seal = (SEAL_START + StartupAgreement.sha256(body) + SEAL_END).getBytes(StandardCharsets.UTF_8);
        byte[] whole = Arrays.copyOf(body, body.length + seal.length);
        System.arraycopy(seal, 0, whole, body.length, seal.length);
        return whole;
    }

    private static boolean isSealed(byte[] bytes) {
        return bytes.length >= SEAL_BYTES
                && Arrays.equals(bytes, sealed(Arrays.copyOf(bytes, bytes.length - SEAL_BYTES)));
    }

    /** The format of a state that is as it was written; empty where it is not. */
    static OptionalInt format(byte[] bytes) {
        try {
            return isSealed(bytes) ? OptionalInt.of(JSON.readTree(bytes).path("format").asInt()) : OptionalInt.empty();
        } catch (IOException e) {
            return OptionalInt.empty();
        }
    }

    /**
     * Reads what {@link #toBytes} wrote.
     *
     * @throws InvalidInputException saying how it is damaged, or that another version wrote it
     */
    public static CheckpointState parse(byte[] bytes) {
        if (!isSealed(bytes)) {
            throw new InvalidInputException("its state.json does not have the sum that it was written with");
        }
        try {
            JsonNode state = JSON.readTree(bytes);
            if (state.path("format").asInt() != FORMAT) {
                throw new InvalidInputException("its state.json has format " + state.path("format") + ", and this version"
                        + " reads format " + FORMAT);
            }
            JsonNode next = state.required("goes_on_in");
            Position position = new Position(next.required("epoch").intValue(),
                    next.required("samples_consumed").longValue(), state.required("step").longValue(),
                    new Position.Sums(next.required("loss_sum").doubleValue(), next.required("samples").doubleValue(),
                            next.required("seconds").doubleValue()), validation(state.path("validation")));
            Map<String, BytesSum> files = new LinkedHashMap<>();
            state.required("files").properties().forEach(file -> files.put(file.getKey(), new BytesSum(
                    file.getValue().required("bytes").longValue(), file.getValue().required("crc32c").longValue())));
            CheckpointState parsed = new CheckpointState(position, state.required("epoch").intValue(),
                    state.required("optimizer_steps").longValue(), state.required("job").asText(),
                    state.required("seed").longValue(), state.required("ranks").intValue(),
                    state.required("batch_size").intValue(), state.required("steps_per_epoch").intValue(),
                    state.required("train_samples").intValue(), state.path("parameters_sha256").asText(), files);
            parsed.requirePossible();
            return parsed;
        } catch (IOException | IllegalArgumentException e) {
            throw new InvalidInputException("its state.json is not one that this version writes", e);
        }
    }

    private static boolean possible(ValidationProgress validation) {
        return validation.step() >= 0 && validation.bestStep() >= 0 && validation.notBetter() >= 0
                && (validation.bestCheckpoint().isEmpty() || CheckpointFolder.isName(validation.bestCheckpoint()));
    }

    private static ValidationProgress validation(JsonNode validated) {
        return validated.isMissingNode() ? ValidationProgress.NONE : new ValidationProgress(
                validated.required("monitor").asText(), validated.required("step").longValue(),
                validated.required("best").doubleValue(),
                validated.required("best_step").longValue(), validated.required("best_checkpoint").asText(),
                validated.required("reference").doubleValue(), validated.required("not_better").intValue());
    }

    /** The sum is right; but whoever wrote it may have been no training run. */
    private void requirePossible() {
        boolean possible = position.epoch() > 0 && position.consumed() >= 0 && position.step() >= 0 && epochsCompleted >= 0
                && possible(position.validation()) && optimizerSteps >= 0 && ranks > 0 && batchSize > 0
                && stepsPerEpoch > 0 && trainSamples > 0;
        if (!possible) {
            throw new IllegalArgumentException("numbers out of range");
        }
    }
}

package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an epoch came to, over all ranks.
 *
 * @param epoch            from 1 on
 * @param step             steps since the start of training
 * @param trainLoss        sample-weighted mean of the losses before each update, the sampler's padding included
 * @param learningRate     of the last step
 * @param test             after the epoch; empty without test data
 * @param samplesPerSecond samples trained on, the padding included, over {@code seconds}
 * @param seconds          wall time of the training alone, loading of batches included, evaluation and checkpoints not
 * @param breakdown        of the steps in this process; empty where none was timed
 */
public record EpochMetrics(int epoch, long step, double trainLoss, double learningRate,
        Optional<Evaluation> test, double samplesPerSecond, double seconds, Optional<StepBreakdown> breakdown) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The same with what follows the training of an epoch. */
    EpochMetrics with(Optional<Evaluation> evaluation, Optional<StepBreakdown> stepBreakdown) {
        return new EpochMetrics(epoch, step, trainLoss, learningRate, evaluation, samplesPerSecond, seconds, stepBreakdown);
    }

    /**
     * Reads lines of epochs as metrics.jsonl has them, without what the tests came to. A line that lacks a number is left
     * out.
     */
    public static List<EpochMetrics> parse(byte[] lines) {
        List<EpochMetrics> epochs = new ArrayList<>();
        for (String line : new String(lines, StandardCharsets.UTF_8).lines().toList()) {
            try {
                JsonNode json = JSON.readTree(line);
                epochs.add(new EpochMetrics(json.required("epoch").intValue(), json.required("step").longValue(),
                        json.required("train_loss").doubleValue(), json.required("learning_rate").doubleValue(),
                        Optional.empty(), json.required("samples_per_second").doubleValue(),
                        json.required("seconds").doubleValue(),
                        json.has("step_seconds") ? Optional.of(StepBreakdown.of(json)) : Optional.empty()));
            } catch (JsonProcessingException | IllegalArgumentException e) {
                // Whoever wrote it, it was none of us.
            }
        }
        return epochs;
    }

    /** As metrics.jsonl has it. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kind", "epoch");
        map.put("epoch", epoch);
        map.put("step", step);
        map.put("train_loss", trainLoss);
        map.put("learning_rate", learningRate);
        test.ifPresent(evaluation -> map.putAll(evaluation.toMap("test_")));
        map.put("samples_per_second", samplesPerSecond);
        map.put("seconds", seconds);
        breakdown.ifPresent(steps -> map.putAll(steps.toMap()));
        return map;
    }
}

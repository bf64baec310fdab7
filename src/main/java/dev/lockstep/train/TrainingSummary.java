package dev.lockstep.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How a whole run went.
 *
 * @param ranks                  of the job
 * @param epochs                 trained in this run
 * @param steps                  since the start of training
 * @param trainLoss              of the last epoch
 * @param test                   after the last epoch
 * @param samplesPerSecond       median over the epochs, without the first where there are more
 * @param trainingSeconds        of all epochs, without evaluation and checkpoints
 * @param firstStepSeconds       from the start of the process to the end of the first step, the longest over the ranks
 * @param peakResidentBytes      the largest over the ranks
 * @param parametersSha256       of the parameters in model order, the same on every rank
 * @param breakdown              mean over the epochs, without the first where there are more; empty where no step was timed
 * @param validation             while training; empty without
 */
public record TrainingSummary(int ranks, int epochs, long steps, double trainLoss, Optional<Evaluation> test,
        double samplesPerSecond, double trainingSeconds, double firstStepSeconds, long peakResidentBytes,
        String parametersSha256, Optional<StepBreakdown> breakdown, Optional<Validation.Summary> validation) {
    /** As metrics.jsonl has it. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kind", "summary");
        map.put("ranks", ranks);
        map.put("epochs", epochs);
        map.put("steps", steps);
        map.put("train_loss", trainLoss);
        test.ifPresent(evaluation -> map.putAll(evaluation.toWholeMap("test_")));
        validation.ifPresent(validated -> map.putAll(validated.toMap()));
        map.put("samples_per_second", samplesPerSecond);
        map.put("training_seconds", trainingSeconds);
        map.put("first_step_seconds", firstStepSeconds);
        map.put("peak_resident_bytes", peakResidentBytes);
        map.put("parameters_sha256", parametersSha256);
        breakdown.ifPresent(steps -> map.putAll(steps.toMap()));
        return map;
    }
}

package dev.lockstep.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How a whole run went, of all processes that went on with it, but for what is of the last of them: the ranks, the first
 * step and the memory.
 *
 * @param ranks                  that ended it
 * @param epochs                 begun since the start of training
 * @param steps                  since the start of training
 * @param trainLoss              of the last epoch
 * @param test                   after the last epoch
 * @param samplesPerSecond       median over the epochs, without the first where there are more
 * @param trainingSeconds        of all epochs, without evaluation and checkpoints
 * @param firstStepSeconds       from the start of the last process to the end of its first step, the longest over the
 *                               ranks; 0 where it had none to do
 * @param peakResidentBytes      of the last process, the largest over the ranks
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
        if (firstStepSeconds > 0) {
            map.put("first_step_seconds", firstStepSeconds);
        }
        map.put("peak_resident_bytes", peakResidentBytes);
        map.put("parameters_sha256", parametersSha256);
        breakdown.ifPresent(steps -> map.putAll(steps.toMap()));
        return map;
    }
}

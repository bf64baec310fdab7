package dev.lockstep.train;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A validation while training.
 *
 * @param epoch  that was under way, or has just ended
 * @param step   steps since the start of training
 * @param isBest whether none before was better, by the monitored number
 */
public record ValidationMetrics(int epoch, long step, Evaluation evaluation, boolean isBest) {
    /** As metrics.jsonl has it. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kind", "validation");
        map.put("epoch", epoch);
        map.put("step", step);
        map.putAll(evaluation.toMap("validation_"));
        return map;
    }
}

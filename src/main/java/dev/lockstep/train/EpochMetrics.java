package dev.lockstep.train;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What an epoch came to, over all ranks.
 *
 * @param epoch            from 1 on
 * @param step             steps since the start of training
 * @param trainLoss        sample-weighted mean of the losses before each update, the sampler's padding included
 * @param test             after the epoch; empty without test data
 * @param samplesPerSecond samples trained on, the padding included, over {@code seconds}
 * @param seconds          wall time of the training alone, loading of batches included, evaluation and checkpoints not
 */
public record EpochMetrics(int epoch, long step, double trainLoss, Optional<Evaluation> test,
        double samplesPerSecond, double seconds) {
    /** As metrics.jsonl has it. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kind", "epoch");
        map.put("epoch", epoch);
        map.put("step", step);
        map.put("train_loss", trainLoss);
        test.ifPresent(evaluation -> {
            map.put("test_loss", evaluation.loss());
            map.put("test_accuracy", evaluation.accuracy());
        });
        map.put("samples_per_second", samplesPerSecond);
        map.put("seconds", seconds);
        return map;
    }
}

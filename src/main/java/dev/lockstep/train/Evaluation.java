package dev.lockstep.train;

import dev.lockstep.job.MetricConfig;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A model's result on a data set, each sample counted once.
 *
 * @param loss            mean over the samples
 * @param metrics         the job's, in its order, without the confusion matrix; accuracies are shares, 0 … 1
 * @param confusionMatrix where the job asks for it: [class][class predicted], in samples
 */
public record Evaluation(double loss, long samples, Map<MetricConfig, Double> metrics,
        Optional<long[][]> confusionMatrix) {
    private static final String LOSS = "loss";

    public Evaluation {
        metrics = Collections.unmodifiableMap(new LinkedHashMap<>(metrics));
    }

    /**
     * The share of the samples that are classified correctly.
     *
     * @throws java.util.NoSuchElementException if it is not among the metrics
     */
    public double accuracy() {
        return Optional.ofNullable(metrics.get(new MetricConfig.Accuracy())).orElseThrow();
    }

    /** Loss and metrics by {@code prefix} and name, as metrics.jsonl has them of each evaluation. */
    public Map<String, Double> toMap(String prefix) {
        Map<String, Double> map = new LinkedHashMap<>();
        map.put(prefix + LOSS, loss);
        metrics.forEach((metric, value) -> map.put(prefix + metric.key(), value));
        return map;
    }

    /** As {@link #toMap}, and the confusion matrix. */
    public Map<String, Object> toWholeMap(String prefix) {
        Map<String, Object> map = new LinkedHashMap<>(toMap(prefix));
        confusionMatrix.ifPresent(counts -> map.put(prefix + new MetricConfig.ConfusionMatrix().key(), counts));
        return map;
    }

    /** {@code "loss 0.4321  accuracy 87.10 %"}. */
    public String describe(int lossDigits) {
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "loss %." + lossDigits + "f", loss));
        metrics.forEach((metric, value) -> text.append("  ").append(metric.key().replace('_', ' '))
                .append(metric.ofClasses() ? String.format(Locale.ROOT, " %.2f %%", value * 100)
                        : String.format(Locale.ROOT, " %." + lossDigits + "f", value)));
        return text.toString();
    }
}

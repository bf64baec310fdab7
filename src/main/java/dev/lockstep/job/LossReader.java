package dev.lockstep.job;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads a job's {@code loss} and {@code metrics}. */
final class LossReader {
    static final String CROSS_ENTROPY = "cross-entropy";
    static final String MSE = "mse";
    private static final String LOSSES = "one of cross-entropy, mse, {cross-entropy: {label-smoothing: 0.1}}";
    private static final String TOP_K = "top-k";

    private LossReader() {}

    static LossConfig loss(Value loss) {
        if (loss.is(CROSS_ENTROPY)) {
            return new LossConfig.CrossEntropy(0);
        }
        if (loss.is(MSE)) {
            return new LossConfig.Mse();
        }
        if (!(loss.node() instanceof YamlNode.Mapping mapping)) {
            throw loss.mustBe(LOSSES);
        }
        if (mapping.entries().containsKey(MSE)) {
            throw loss.error("'loss' is more than the word mse; write 'loss: mse'");
        }
        Fields fields = new Fields(loss.path(), mapping, JobKeys.ALL);
        fields.require(CROSS_ENTROPY);
        return new LossConfig.CrossEntropy(smoothing(fields.map(CROSS_ENTROPY).get("label-smoothing", "0")));
    }

    private static double smoothing(Value value) {
        double smoothing = value.numberFromZero();
        if (smoothing > 1) {
            throw value.mustBe("a number from 0 to 1");
        }
        return smoothing;
    }

    /** @param metrics empty where the job leaves it to the loss */
    static List<MetricConfig> metrics(Optional<Value> metrics, LossConfig loss) {
        boolean classes = loss instanceof LossConfig.CrossEntropy;
        if (metrics.isEmpty()) {
            return List.of(classes ? new MetricConfig.Accuracy() : new MetricConfig.Rmse());
        }
        List<MetricConfig> configs = new ArrayList<>();
        for (Value item : metrics.get().items("a list of metrics, such as [accuracy, {top-k: 5}]")) {
            MetricConfig metric = metric(item);
            if (configs.contains(metric)) {
                throw item.error("'metrics' names " + spelling(metric) + " twice; keep one");
            }
            if (metric.ofClasses() != classes) {
                throw item.error("metric " + spelling(metric) + " is of " + (classes ? "numbers" : "classes") + ", and loss "
                        + (classes ? CROSS_ENTROPY : MSE) + " of " + (classes ? "classes" : "numbers") + "; choose "
                        + (classes ? "accuracy, top-k or confusion-matrix" : "mae or rmse"));
            }
            configs.add(metric);
        }
        return configs;
    }

    private static MetricConfig metric(Value value) {
        if (value.node() instanceof YamlNode.Mapping mapping) {
            Fields fields = new Fields(value.path(), mapping, List.of(value.path() + "." + TOP_K));
            return new MetricConfig.TopK(fields.require(TOP_K).wholeInt(1));
        }
        return word(value.text("a metric")).orElseThrow(() -> value.is(TOP_K)
                ? value.error(Text.quoted(value.path()) + " needs a number: write '{top-k: 5}'")
                : value.mustBe("one of accuracy, {top-k: 5}, mae, rmse, confusion-matrix"));
    }

    private static Optional<MetricConfig> word(String name) {
        return switch (name) {
            case "accuracy" -> Optional.of(new MetricConfig.Accuracy());
            case "mae" -> Optional.of(new MetricConfig.Mae());
            case "rmse" -> Optional.of(new MetricConfig.Rmse());
            case "confusion-matrix" -> Optional.of(new MetricConfig.ConfusionMatrix());
            default -> Optional.empty();
        };
    }

    /** As in a job file. */
    static String spelling(MetricConfig metric) {
        return metric instanceof MetricConfig.TopK top ? "{top-k: " + top.k() + "}" : metric.key().replace('_', '-');
    }
}

package dev.lockstep.job;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads a job's section {@code validation}. */
final class ValidationReader {
    private static final String LOSS = "loss";

    private ValidationReader() {}

    /**
     * @param hasData whether the job names data to validate on; without, there is nothing to say about it
     * @param metrics of the job
     */
    static Optional<ValidationConfig> validation(Fields job, boolean hasData, List<MetricConfig> metrics) {
        Optional<Value> section = job.find("validation").filter(value -> !value.isNull());
        if (!hasData) {
            if (section.isPresent()) {
                throw section.get().error("'validation' needs data to validate on; name it with 'data.validation'");
            }
            return Optional.empty();
        }
        Fields validation = section.isPresent() ? job.map("validation") : job.none("validation");
        int everyEpochs = validation.get("every-epochs", "1").wholeInt(0);
        long everySteps = validation.get("every-steps", "0").wholeNumber(0, Long.MAX_VALUE);
        if (everyEpochs == 0 && everySteps == 0) {
            throw validation.error("every-epochs", "'validation.every-epochs' and 'validation.every-steps' are both 0,"
                    + " so that nothing is ever validated; set one, or leave 'data.validation' out");
        }
        return Optional.of(new ValidationConfig(everyEpochs, everySteps,
                monitor(validation.get("monitor", LOSS), metrics), earlyStopping(validation),
                validation.get("keep-best", "false").flag()));
    }

    private static Optional<MetricConfig> monitor(Value value, List<MetricConfig> metrics) {
        if (value.is(LOSS)) {
            return Optional.empty();
        }
        List<MetricConfig> numbers = metrics.stream().filter(metric -> !(metric instanceof MetricConfig.ConfusionMatrix))
                .toList();
        Optional<MetricConfig> monitor = numbers.stream()
                .filter(metric -> value.is(spelling(Optional.of(metric)))).findFirst();
        if (monitor.isEmpty()) {
            throw value.mustBe(Stream.concat(Stream.of(LOSS), numbers.stream().map(metric -> spelling(Optional.of(metric))))
                    .collect(Collectors.joining(", ", "one of ", "")));
        }
        return monitor;
    }

    /** As in a job file: {@code loss}, {@code accuracy}, {@code top-5}. */
    static String spelling(Optional<MetricConfig> monitor) {
        return monitor.map(metric -> metric instanceof MetricConfig.TopK top ? "top-" + top.k() : metric.key()).orElse(LOSS);
    }

    private static Optional<ValidationConfig.EarlyStopping> earlyStopping(Fields validation) {
        if (validation.find("early-stopping").filter(value -> !value.isNull()).isEmpty()) {
            return Optional.empty();
        }
        Fields earlyStopping = validation.map("early-stopping");
        return Optional.of(new ValidationConfig.EarlyStopping(earlyStopping.get("patience", "5").wholeInt(1),
                earlyStopping.get("min-delta", "0").numberFromZero()));
    }
}

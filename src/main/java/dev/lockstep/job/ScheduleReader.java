package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import dev.lockstep.job.ScheduleConfig.Unit;
import java.util.Optional;
import java.util.stream.Stream;

/** Reads a job's section {@code schedule}. */
final class ScheduleReader {
    private ScheduleReader() {}

    /** A key with a count, and what that counts. */
    private record Length(Value value, Unit unit) {
        long count(long min) {
            return value.wholeNumber(min, Long.MAX_VALUE);
        }
    }

    /** @param optimizer whose rates the schedule must not raise */
    static ScheduleConfig schedule(Fields schedule, OptimizerConfig optimizer) {
        Optional<Length> warmUp = length(schedule, "warmup-steps", "warmup-epochs");
        Optional<String> decay = oneOf(schedule, "step", "cosine");
        ScheduleConfig.ScaleLr scaleLr = schedule.get("scale-lr", "none").choice(ScheduleConfig.ScaleLr.class);
        long warmUpCount = warmUp.map(length -> length.count(0)).orElse(0L);
        if (decay.isEmpty()) {
            return new ScheduleConfig(warmUp.map(Length::unit).orElse(Unit.STEPS), warmUpCount, Optional.empty(), scaleLr);
        }
        Fields fields = schedule.map(decay.get());
        boolean isStep = decay.get().equals("step");
        Length length = isStep ? required(fields, "every-steps", "every-epochs") : required(fields, "steps", "epochs");
        if (warmUpCount > 0 && warmUp.get().unit != length.unit) {
            throw warmUp.get().value.error("'" + warmUp.get().value.path() + "' goes with a decay in the same unit, and '"
                    + length.value.path() + "' is another; count both in steps or both in epochs");
        }
        return new ScheduleConfig(length.unit, warmUpCount, Optional.of(isStep
                ? new ScheduleConfig.StepDecay(length.count(1), fields.get("gamma", "0.1").floatFromZero())
                : new ScheduleConfig.CosineDecay(length.count(1), minLr(fields.get("min-lr", "0"), optimizer))), scaleLr);
    }

    private static double minLr(Value value, OptimizerConfig optimizer) {
        double minLr = value.floatFromZero();
        double lowest = Stream.concat(Stream.of(optimizer.lr()),
                optimizer.groups().stream().flatMap(group -> group.lr().stream().boxed())).min(Double::compare).get();
        if (minLr > lowest) {
            throw value.mustBe("at most the learning rate that falls to it, " + JobWriter.number(lowest));
        }
        return minLr;
    }

    private static Length required(Fields fields, String steps, String epochs) {
        return length(fields, steps, epochs).orElseThrow(() -> fields.error("", "required key '" + fields.path() + "."
                + steps + "' is missing (or '" + fields.path() + "." + epochs + "')"));
    }

    private static Optional<Length> length(Fields fields, String steps, String epochs) {
        return oneOf(fields, steps, epochs)
                .map(key -> new Length(fields.require(key), key.equals(steps) ? Unit.STEPS : Unit.EPOCHS));
    }

    /** @throws InvalidInputException if both are there */
    private static Optional<String> oneOf(Fields fields, String first, String second) {
        if (fields.has(first) && fields.has(second)) {
            throw fields.error(second, "'" + fields.path() + "." + first + "' and '" + fields.path() + "." + second
                    + "' exclude each other; keep one");
        }
        return Stream.of(first, second).filter(fields::has).findFirst();
    }
}

package dev.lockstep.job;

import java.util.Optional;

/**
 * How learning rates change while training goes on.
 *
 * @param unit   that the warm-up and the decay are counted in
 * @param warmUp for so long the rates rise; then the decay begins
 */
public record ScheduleConfig(Unit unit, long warmUp, Optional<Decay> decay, ScaleLr scaleLr) {
    /** Constant rates. */
    public static final ScheduleConfig NONE = new ScheduleConfig(Unit.STEPS, 0, Optional.empty(), ScaleLr.NONE);

    public enum Unit {
        STEPS,
        EPOCHS
    }

    /** What rates are multiplied with: nothing, or the number of ranks. */
    public enum ScaleLr {
        NONE,
        LINEAR
    }

    public sealed interface Decay {}

    /** As torch's StepLR: times {@code gamma} after every so many units, at least 1. */
    public record StepDecay(long every, double gamma) implements Decay {}

    /** As torch's CosineAnnealingLR: within {@code length} units, at least 1, down to {@code minLr}. */
    public record CosineDecay(long length, double minLr) implements Decay {}
}

package dev.lockstep.optim;

import java.util.Optional;

/**
 * Learning rates over the course of training: a linear warm-up, and then a decay, whose clock begins when the warm-up is
 * over. As torch's {@code SequentialLR([LinearLR(start_factor=1/W, total_iters=W-1), decay], milestones=[W])}, stepped after
 * each step or each epoch. What a rate is depends only on how far training has come, not on the rates before.
 */
public final class Schedule {
    /** What a schedule counts in. A warm-up in epochs rises with each of their steps all the same. */
    public enum Unit {
        STEPS, EPOCHS
    }

    /** How rates fall once they are warm. */
    public sealed interface Decay {
        /** torch's StepLR: times {@code gamma} after every so many steps or epochs. */
        record Step(long every, double gamma) implements Decay {
        }

        /** torch's CosineAnnealingLR: down to {@code minimum} in so many steps or epochs; there it stays. */
        record Cosine(long length, double minimum) implements Decay {
        }
    }

    private final Unit unit;
    private final long warmUp;
    private final Optional<Decay> decay;
    private final double scale;
    private double factor = 1;
    private double minimum;

    /**
     * @param warmUp in units
     * @param scale  of all rates, such as the number of ranks
     */
    public Schedule(Unit unit, long warmUp, Optional<Decay> decay, double scale) {
        this.unit = unit;
        this.warmUp = warmUp;
        this.decay = decay;
        this.scale = scale;
    }

    /** Each rate as it was given. */
    public static Schedule constant() {
        return new Schedule(Unit.STEPS, 0, Optional.empty(), 1);
    }

    /** Called before each step; {@code stepsOfEpochDone} of {@code stepsPerEpoch} are done in the current epoch. */
    public void moveTo(long stepsDone, int epochsDone, int stepsOfEpochDone, int stepsPerEpoch) {
        boolean steps = unit == Unit.STEPS;
        factor = 1;
        minimum = 0;
        long unitsDone = steps ? stepsDone : epochsDone;
        if (unitsDone < warmUp) {
            double withThisStep = steps ? stepsDone + 1 : epochsDone + (stepsOfEpochDone + 1.0) / stepsPerEpoch;
            factor = Math.min(1, withThisStep / warmUp);
        } else if (decay.isPresent()) {
            decay(decay.get(), unitsDone - warmUp);
        }
    }

    private void decay(Decay how, long unitsDone) {
        if (how instanceof Decay.Step step) {
            factor = Math.pow(step.gamma(), unitsDone / step.every());
        } else if (how instanceof Decay.Cosine cosine) {
            double done = Math.min(1, (double) unitsDone / cosine.length());
            factor = (1 + Math.cos(Math.PI * done)) / 2;
            minimum = cosine.minimum();
        }
    }

    /** What a group whose own rate is {@code learningRate} takes the next step with. */
    public double rate(double learningRate) {
        return minimum + (learningRate * scale - minimum) * factor;
    }
}

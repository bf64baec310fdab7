package dev.lockstep.nn;

import dev.lockstep.tensor.Parameter;

/** Hears during backward which gradients the work enqueued so far completes. */
@FunctionalInterface
public interface GradientListener {
    GradientListener NONE = (parameter, rows) -> { };

    /** The first {@code rows} rows of {@code parameter}'s gradient are written by what is enqueued so far. */
    void gradientReady(Parameter parameter, int rows);
}

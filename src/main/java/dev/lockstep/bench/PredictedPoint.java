package dev.lockstep.bench;

import java.util.OptionalDouble;

/**
 * What a step would take.
 *
 * @param efficiency against the same base as the measured points beside it
 * @param error      predicted ÷ measured − 1; empty where nothing was measured
 * @param fitted     whether the prediction was fitted on what was measured there
 */
public record PredictedPoint(int ranks, double stepSeconds, double efficiency, OptionalDouble error, boolean fitted) {
}

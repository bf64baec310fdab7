package dev.lockstep.bench;

/**
 * What a step would take on ranks that were not measured.
 *
 * @param efficiency against the same base as the measured points beside it
 */
public record PredictedPoint(int ranks, double stepSeconds, double efficiency) {
}

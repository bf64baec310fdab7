package dev.lockstep.job;

/**
 * When checkpoints are written besides the one at the end; an interval of 0 is off.
 *
 * @param keep how many of the newest checkpoints stay; at least 1
 */
public record CheckpointConfig(int everyEpochs, long everySteps, double everyMinutes, int keep) {}

package dev.lockstep.job;

/** How often a step's loss is logged; 0: never, only epochs are. */
public record LogConfig(long everySteps) {}

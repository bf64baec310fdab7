package dev.lockstep.job;

/** The loss, a mean over the batch. */
public enum LossKind {
    CROSS_ENTROPY
}

package dev.lockstep.job;

/** The arithmetic of matrix products. */
public enum Precision {
    FP32,
    TF32,
    BF16
}

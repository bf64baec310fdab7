package dev.lockstep.device.cuda;

/** The arithmetic of matrix products; all accumulate in FP32. */
public enum MatmulPrecision {
    FP32,
    /** Factors rounded to 10 bits of mantissa as they are read; all is stored in FP32. */
    TF32,
    /** Activations, their gradients and the parameters' copies that are multiplied are BFLOAT16. */
    BF16
}

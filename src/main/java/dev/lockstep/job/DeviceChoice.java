package dev.lockstep.job;

/** What computes: AUTO takes a GPU where there is one and the CPU elsewhere; CUDA never falls back. */
public enum DeviceChoice {
    AUTO,
    CPU,
    CUDA
}

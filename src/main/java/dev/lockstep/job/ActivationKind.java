package dev.lockstep.job;

/** Element-wise activations, as PyTorch defines them. */
public enum ActivationKind {
    RELU,
    SIGMOID,
    TANH,
    GELU
}

package dev.lockstep.device;

/** Element-wise activations, as torch.nn defines them. */
public enum Activation {
    /** y = x. */
    IDENTITY,
    RELU,
    SIGMOID,
    TANH,
    /** The exact form, x times the normal distribution function (torch.nn.GELU's default). */
    GELU;

    /** Whether the derivative can be had from the output y alone, so that the input x need not be kept. */
    public boolean derivativeFromOutput() {
        return this != GELU;
    }
}

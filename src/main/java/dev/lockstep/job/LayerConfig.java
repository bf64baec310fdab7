package dev.lockstep.job;

/** One layer of the model. */
public sealed interface LayerConfig {

    /** A fully connected layer with bias: [batch, in] to [batch, out]. */
    record LinearLayer(int in, int out) implements LayerConfig {}

    /** An element-wise activation, which keeps the shape. */
    record ActivationLayer(ActivationKind kind) implements LayerConfig {}
}

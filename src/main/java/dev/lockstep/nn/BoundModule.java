package dev.lockstep.nn;

import dev.lockstep.device.Matrix;
import dev.lockstep.device.Stream;

/** A module bound to memory for one batch size. Neither method allocates. */
public interface BoundModule {
    /** [batch, output features], written by {@link #forward}. */
    Matrix output();

    /** The gradient of {@link #output}, to be written before {@link #backward}; null unless bound for training. */
    Matrix outputGradient();

    /** Overwrites {@link #output} from the input that the module was bound to, and keeps what {@link #backward} needs. */
    void forward(Stream stream);

    /**
     * Overwrites the gradients of the module's parameters and of its input, from {@link #outputGradient} and what the
     * last {@link #forward} left; adds to those of the parameters where {@link Binding#accumulate} says so.
     *
     * @param listener is told of each parameter's gradient, in backward order
     */
    void backward(Stream stream, GradientListener listener);
}

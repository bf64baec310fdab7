package dev.lockstep.job;

import java.util.List;
import java.util.OptionalDouble;

/**
 * Parameters that an optimizer treats otherwise than the rest.
 *
 * @param parameters  {@link #BIASES}, {@link #NORMS}, or patterns of names in which * stands for any text, ? for a character
 * @param lr          empty: the optimizer's
 * @param weightDecay empty: the optimizer's
 */
public record GroupConfig(List<String> parameters, OptionalDouble lr, OptionalDouble weightDecay) {
    public static final String BIASES = "biases";
    /** Weights and biases of normalisation layers. */
    public static final String NORMS = "norms";

    public GroupConfig {
        parameters = List.copyOf(parameters);
    }
}

package dev.lockstep.optim;

import dev.lockstep.tensor.ParameterShape;
import java.util.function.Predicate;

/**
 * Parameters that are updated with numbers of their own, as one of torch's param_groups.
 *
 * @param members      those that belong to it, unless to a group before it
 * @param learningRate before any schedule
 */
public record ParameterGroup(Predicate<ParameterShape> members, double learningRate, double weightDecay) {
}

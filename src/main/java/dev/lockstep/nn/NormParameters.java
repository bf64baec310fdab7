package dev.lockstep.nn;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.ParameterShape.Role;
import java.util.List;
import java.util.function.Function;

/** A norm's weight, which begins as ones, and bias, which begins as zeros. */
record NormParameters(Parameter weight, Parameter bias) {
    private static final String WEIGHT = "weight";
    private static final String BIAS = "bias";

    static List<ParameterShape> shapes(int features) {
        return List.of(ParameterShape.vector(WEIGHT, features, Role.NORM), ParameterShape.vector(BIAS, features, Role.NORM));
    }

    static void initialize(Function<String, Parameter> parameters) {
        ModelBuffers.fill(parameters.apply(WEIGHT).value(), 1);
        ModelBuffers.fill(parameters.apply(BIAS).value(), 0);
    }

    static NormParameters of(Binding binding) {
        return new NormParameters(binding.parameter(WEIGHT), binding.parameter(BIAS));
    }

    /** Their gradients, from the sums that the norm takes over the batch. */
    Operation gradients(Binding binding, DeviceBuffer sums) {
        return binding.timed(Phase.BACKWARD, "backward.weight", 0, binding.device().operations().layers()
                .normParameterGradients(sums, weight.gradient(), bias.gradient(), binding.accumulate()));
    }

    /** Both gradients are written; in backward order, the reverse of the parameters'. */
    void tell(GradientListener listener) {
        listener.gradientReady(bias, bias.shape().rows());
        listener.gradientReady(weight, weight.shape().rows());
    }
}

package dev.lockstep.nn;

import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import java.util.List;

/**
 * A norm's operations, in order.
 *
 * @param parameterGradients what comes before the parameters' gradients may be reduced; empty outside training
 * @param inputGradient      the rest of backward; empty where nobody wants it
 */
record BoundNorm(Matrix output, Matrix outputGradient, NormParameters parameters, List<Operation> forward,
        List<Operation> parameterGradients, List<Operation> inputGradient) implements BoundModule {
    @Override
    public void forward(Stream stream) {
        enqueue(forward, stream);
    }

    @Override
    public void backward(Stream stream, GradientListener listener) {
        enqueue(parameterGradients, stream);
        parameters.tell(listener);
        enqueue(inputGradient, stream);
    }

    /** By index: an iterator would be garbage at every step. */
    private static void enqueue(List<Operation> operations, Stream stream) {
        for (int i = 0; i < operations.size(); i++) {
            operations.get(i).enqueue(stream);
        }
    }
}

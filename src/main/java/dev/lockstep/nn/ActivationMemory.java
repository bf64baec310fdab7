package dev.lockstep.nn;

/**
 * What binding a module takes of the workspace.
 *
 * @param trainingElements   of the device's compute type, for each sample of a batch, to train
 * @param evaluationElements the same to evaluate
 * @param maskBytes          for each sample, what a GPU keeps beside them of activations bound into linear layers
 * @param fixedBytes         whatever the batch
 */
public record ActivationMemory(long trainingElements, long evaluationElements, long maskBytes, long fixedBytes) {
    public static final ActivationMemory NONE = new ActivationMemory(0, 0, 0, 0);

    /** Of an output of so many features, and in training its gradient. */
    public static ActivationMemory ofOutput(long features) {
        return new ActivationMemory(2 * features, features, 0, 0);
    }

    public ActivationMemory plus(ActivationMemory other) {
        return new ActivationMemory(trainingElements + other.trainingElements,
                evaluationElements + other.evaluationElements, maskBytes + other.maskBytes, fixedBytes + other.fixedBytes);
    }
}

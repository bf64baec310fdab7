package dev.lockstep.optim;

/** torch.optim.SGD's arguments. */
public record SgdSettings(double learningRate, double momentum, double weightDecay, double dampening,
        boolean nesterov) {
    public SgdSettings {
        if (nesterov && (momentum <= 0 || dampening != 0)) {
            throw new IllegalArgumentException("nesterov needs a momentum and no dampening");
        }
    }
}

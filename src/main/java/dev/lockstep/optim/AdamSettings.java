package dev.lockstep.optim;

/**
 * torch.optim.Adam's arguments.
 *
 * @param decoupled whether the weight decay shrinks the parameters themselves, as in AdamW, and is no part of the gradient
 */
public record AdamSettings(double learningRate, double beta1, double beta2, double eps, double weightDecay,
        boolean decoupled) {
    public AdamSettings {
        if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
            throw new IllegalArgumentException("betas of " + beta1 + " and " + beta2 + ", where 0 to below 1 are wanted");
        }
        // A parameter that never had a gradient would become 0 / 0; and so would the gaps of the arena.
        if (!((float) eps >= Float.MIN_NORMAL)) {
            throw new IllegalArgumentException("an eps of " + eps + ", which is 0 as a float");
        }
    }
}

package dev.lockstep.device.reference;

import dev.lockstep.device.Activation;

/** {@link Activation}s of single numbers. NaN stays NaN, as in PyTorch. */
final class ActivationFunctions {
    private ActivationFunctions() {
    }

    static double forward(Activation activation, double x) {
        return switch (activation) {
            case IDENTITY -> x;
            case RELU -> x <= 0 ? 0 : x;
            case SIGMOID -> 1 / (1 + Math.exp(-x));
            case TANH -> Math.tanh(x);
            case GELU -> x * normalDistribution(x);
        };
    }

    /**
     * activation'(x) times {@code yGradient}; only {@code y} is read where the derivative follows from it, only
     * {@code x} elsewhere.
     */
    static double backward(Activation activation, double x, double y, double yGradient) {
        return switch (activation) {
            case IDENTITY -> yGradient;
            case RELU -> y <= 0 ? 0 : yGradient;
            case SIGMOID -> yGradient * y * (1 - y);
            case TANH -> yGradient * (1 - y * y);
            case GELU -> yGradient * (normalDistribution(x) + x * normalDensity(x));
        };
    }

    /** By erfc, which keeps its digits in the lower tail. */
    private static double normalDistribution(double x) {
        return ErrorFunction.erfc(-x / Math.sqrt(2)) / 2;
    }

    private static double normalDensity(double x) {
        return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }
}

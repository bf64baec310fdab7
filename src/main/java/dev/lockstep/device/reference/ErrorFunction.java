package dev.lockstep.device.reference;

/**
 * The error function and its complement to nearly full double precision, which java.lang.Math lacks. Formulas:
 * Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6 (a series without cancellation, for small
 * arguments) and 7.1.14 (a continued fraction, for large ones).
 */
final class ErrorFunction {
    /** Below it the series needs some 30 terms; from it on the fraction has converged after {@link #FRACTION_LEVELS}. */
    private static final double SERIES_LIMIT = 2;
    private static final int FRACTION_LEVELS = 100;

    private ErrorFunction() {
    }

    static double erf(double x) {
        if (Math.abs(x) < SERIES_LIMIT) {
            return series(x);
        }
        return Math.copySign(1 - fraction(Math.abs(x)), x);
    }

    /** 1 − erf(x), accurate relative to itself also where it is tiny. */
    static double erfc(double x) {
        if (x >= SERIES_LIMIT) {
            return fraction(x);
        }
        return 1 - erf(x);
    }

    /** erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·5…(2n+1)). */
    private static double series(double x) {
        double term = x;
        double sum = x;
        for (int n = 1; Math.abs(term) > Math.ulp(sum) / 4; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }

    /** erfc(x) = e^(−x²)/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))) for x > 0. */
    private static double fraction(double x) {
        double denominator = x;
        for (int level = FRACTION_LEVELS; level >= 1; level--) {
            denominator = x + level / 2.0 / denominator;
        }
        return Math.exp(-x * x) / (Math.sqrt(Math.PI) * denominator);
    }
}

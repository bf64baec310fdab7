package dev.lockstep.bench;

/** A measurement that could not be made or kept; the program ends with exit status 1. */
public final class BenchmarkException extends RuntimeException {
    public BenchmarkException(String message, Throwable cause) {
        super(message, cause);
    }
}

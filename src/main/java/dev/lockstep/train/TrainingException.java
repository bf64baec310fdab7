package dev.lockstep.train;

/** Training cannot go on: the message says which rank, epoch and step, and what to do. */
public final class TrainingException extends RuntimeException {
    public TrainingException(String message) {
        super(message);
    }

    public TrainingException(String message, Throwable cause) {
        super(message, cause);
    }
}

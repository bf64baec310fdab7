package dev.lockstep.comm;

/** A collective failed, or the job's ranks do not fit together. */
public final class CommunicationException extends RuntimeException {
    public CommunicationException(String message) {
        super(message);
    }

    public CommunicationException(String message, Throwable cause) {
        super(message, cause);
    }
}

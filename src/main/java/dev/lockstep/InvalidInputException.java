package dev.lockstep;

/**
 * Something that the user handed in is wrong: the command line, a job file, data, the device asked for. The message is
 * one line that says what is wrong, where, and what to do; the program ends with exit status 2.
 */
public final class InvalidInputException extends RuntimeException {
    public InvalidInputException(String message) {
        super(message);
    }

    public InvalidInputException(String message, Throwable cause) {
        super(message, cause);
    }
}

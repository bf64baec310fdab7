package dev.lockstep.nn;

/** A module does what {@link Module} does not allow; the message says what, in one line. */
public final class ModuleContractException extends RuntimeException {
    /** @param message what the module did, and what it should do */
    public ModuleContractException(String message) {
        super(message);
    }
}

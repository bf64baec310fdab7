package dev.lockstep.gpucheck;

/** Why a part of the check came to nothing: one line. */
final class CheckFailedException extends Exception {
    private static final long serialVersionUID = 1;

    CheckFailedException(String reason) {
        super(reason);
    }
}

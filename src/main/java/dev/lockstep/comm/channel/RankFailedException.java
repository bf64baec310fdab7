package dev.lockstep.comm.channel;

/** A rank is gone, lost, or keeps the others waiting. The message names it, its host, and how far it was. */
public final class RankFailedException extends RuntimeException {
    RankFailedException(String message) {
        super(message);
    }
}

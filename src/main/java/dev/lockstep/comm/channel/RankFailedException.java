package dev.lockstep.comm.channel;

/** A rank is gone, lost, or keeps the others waiting. The message names it, its host, and how far it was. */
public final class RankFailedException extends RuntimeException {
    private final boolean hostLost;

    RankFailedException(String message, boolean hostLost) {
        super(message);
        this.hostLost = hostLost;
    }

    /** Whether nothing is heard of any rank of some other host: it, or the link to it, may be down. */
    public boolean isHostLost() {
        return hostLost;
    }
}

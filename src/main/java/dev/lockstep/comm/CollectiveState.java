package dev.lockstep.comm;

/**
 * Where a rank is among its collectives, at some moment. As all ranks call the same ones in the same order, a number means
 * the same collective on each: a rank whose number is lower has not arrived there.
 *
 * @param number    how many it has come to so far, the one that it is inside of included
 * @param operation that one, as messages name it; empty while it is in none
 * @param limited   whether a wait in there is limited by the job's timeout
 * @param nanos     for how long it has been inside
 */
public record CollectiveState(long number, String operation, boolean limited, long nanos) {
    /** Of a rank that never waits for others. */
    public static final CollectiveState NONE = outside(0);

    static CollectiveState outside(long number) {
        return new CollectiveState(number, "", false, 0);
    }

    public boolean isInside() {
        return !operation.isEmpty();
    }
}

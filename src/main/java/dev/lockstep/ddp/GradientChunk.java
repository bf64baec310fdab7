package dev.lockstep.ddp;

import dev.lockstep.comm.AllReduce;

/**
 * One chunk's way through a step: PENDING until backward has written it, READY until it is handed to the
 * communicator, REDUCING until every rank's part is in, REDUCED. Used by the training thread only.
 */
final class GradientChunk {
    enum State {
        PENDING, READY, REDUCING, REDUCED
    }

    private final BucketPlan.Chunk plan;
    private final AllReduce allReduce;
    private final String name;
    private State state = State.REDUCED;
    private long step;

    /** @param name for messages: whose chunk, and which */
    GradientChunk(BucketPlan.Chunk plan, AllReduce allReduce, String name) {
        this.plan = plan;
        this.allReduce = allReduce;
        this.name = name;
    }

    BucketPlan.Chunk plan() {
        return plan;
    }

    void beginStep(long step) {
        this.step = step;
        advance(State.REDUCED, State.PENDING);
    }

    void ready() {
        advance(State.PENDING, State.READY);
    }

    /** Hands the chunk to the communication thread. */
    void start() {
        require(State.READY);
        allReduce.start();
        state = State.REDUCING;
    }

    /** Blocks until the chunk that was started is reduced. */
    void await() {
        require(State.REDUCING);
        allReduce.await();
        state = State.REDUCED;
    }

    /** Reduces on the calling thread. */
    void reduce() {
        require(State.READY);
        allReduce.run();
        state = State.REDUCED;
    }

    private void advance(State from, State to) {
        require(from);
        state = to;
    }

    private void require(State from) {
        if (state != from) {
            throw new IllegalStateException(name + " is " + state + " in step " + step + ", not " + from);
        }
    }
}

package dev.lockstep.ddp;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.device.Stream;

/**
 * One chunk's way through a step: PENDING until backward has written it, READY until it is handed to the
 * communicator, REDUCING until every rank's part is in, REDUCED. Used by the training thread only.
 */
final class GradientChunk {
    enum State {
        PENDING, READY, REDUCING, REDUCED
    }

    private final StagedGradients gradients;
    private final AllReduce allReduce;
    private final String name;
    private State state = State.REDUCED;
    private long step;

    /** @param name for messages: whose chunk, and which */
    GradientChunk(StagedGradients gradients, AllReduce allReduce, String name) {
        this.gradients = gradients;
        this.allReduce = allReduce;
        this.name = name;
    }

    /** @param timed whether to tell waiting for the device from copying, which costs a little */
    void beginStep(long step, boolean timed) {
        this.step = step;
        gradients.setTimed(timed);
        advance(State.REDUCED, State.PENDING);
    }

    /** Marks the point in {@code stream}'s work where the chunk is written, now or each time that the work is repeated. */
    void markWritten(Stream stream) {
        gradients.markWritten(stream);
    }

    ChunkTimes times() {
        return gradients.times();
    }

    /** All that writes the chunk is enqueued, the mark behind it. */
    void ready() {
        advance(State.PENDING, State.READY);
        gradients.times().markReady();
    }

    /** Hands the chunk to the communication thread. */
    void start() {
        require(State.READY);
        allReduce.start();
        state = State.REDUCING;
    }

    /** Blocks until the chunk that was started is reduced; {@code stream}'s further work finds the sum in place. */
    void await(Stream stream) {
        require(State.REDUCING);
        allReduce.await();
        gradients.waitForSum(stream);
        state = State.REDUCED;
    }

    /** Reduces on the calling thread; {@code stream}'s further work finds the sum in place. */
    void reduce(Stream stream) {
        require(State.READY);
        allReduce.run();
        gradients.waitForSum(stream);
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

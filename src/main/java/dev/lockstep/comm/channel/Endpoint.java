package dev.lockstep.comm.channel;

import java.util.concurrent.CompletableFuture;

/** One end of the channel, with a thread of its own. */
interface Endpoint extends AutoCloseable {
    /** Asks whether this rank may print why the job ends. Completed once that is known; never, if nobody answers. */
    CompletableFuture<Boolean> claim();

    /** Tells the others that this rank is done, and waits until they are, or one of them has failed. */
    @Override
    void close();
}

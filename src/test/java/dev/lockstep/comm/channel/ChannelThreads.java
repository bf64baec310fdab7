package dev.lockstep.comm.channel;

import dev.lockstep.comm.CollectiveState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A hub on loopback, and what its ranks in this process hear. */
final class ChannelThreads implements AutoCloseable {
    /** Longer than anything takes that goes well, on a busy machine, too. */
    static final Duration LIMIT = Duration.ofSeconds(30);

    final Token token = new Token(Token.random(Token.BYTES));
    final BlockingQueue<String> failures = new LinkedBlockingQueue<>();
    final InetSocketAddress address;
    final Hub hub;
    private final int ranks;
    private final Duration timeout;

    ChannelThreads(int ranks, Duration timeout) throws IOException {
        this(ranks, timeout, () -> new Heartbeat(1, 5, new CollectiveState(9, "", false, 0)));
    }

    /** @param beat of rank 0 */
    ChannelThreads(int ranks, Duration timeout, Supplier<Heartbeat> beat) throws IOException {
        this.ranks = ranks;
        this.timeout = timeout;
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        address = (InetSocketAddress) listener.getLocalAddress();
        hub = new Hub(listener, token, settings(0, beat));
    }

    private Settings settings(int rank, Supplier<Heartbeat> beat) {
        return new Settings(rank, Collections.nCopies(ranks, "h"), timeout, beat,
                failure -> failures.add(rank + ": " + failure.getMessage()));
    }

    Spoke join(int rank) throws IOException {
        return join(rank, token, () -> new Heartbeat(1, 5, new CollectiveState(9, "", false, 0)));
    }

    Spoke join(int rank, Token anyToken, Supplier<Heartbeat> beat) throws IOException {
        return Spoke.connect(address, anyToken, settings(rank, beat), LIMIT.toNanos());
    }

    /** What the first rank that notices a failure says, after its number. */
    String awaitFailure() throws InterruptedException {
        String failure = failures.poll(LIMIT.toNanos(), TimeUnit.NANOSECONDS);
        if (failure == null) {
            throw new AssertionError("no rank has noticed anything within " + LIMIT);
        }
        return failure;
    }

    /** At once, as each waits for the others. */
    static void closeAll(List<? extends Endpoint> endpoints) throws InterruptedException {
        List<Thread> threads = endpoints.stream().map(endpoint -> new Thread(endpoint::close)).toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join(LIMIT.toMillis());
            if (thread.isAlive()) {
                throw new AssertionError("an end of the channel does not close");
            }
        }
    }

    @Override
    public void close() {
        hub.close();
    }
}

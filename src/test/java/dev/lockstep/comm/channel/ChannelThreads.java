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
    /** For what succeeds: the next address is tried soon. */
    static final Joining.Limits LIMITS = new Joining.Limits(50_000_000L, LIMIT.toNanos(), LIMIT.toNanos());
    /** For what is refused. */
    static final Joining.Limits REFUSED = new Joining.Limits(50_000_000L, 300_000_000L, LIMIT.toNanos());

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
        return join(rank, anyToken, beat, LIMITS);
    }

    Spoke join(int rank, Token anyToken, Supplier<Heartbeat> beat, Joining.Limits limits) throws IOException {
        return Joining.connect(invitation(anyToken, address), settings(rank, beat), limits);
    }

    static Invitation invitation(Token token, InetSocketAddress address) {
        return new Invitation("h", token.bytes(), address.getPort(), List.of(address.getAddress()));
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

package dev.lockstep.comm.channel;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A rank's way to rank 0. It tries one address after the other, and all of them again. A connection on which nothing is
 * heard is kept meanwhile, as rank 0 may be busy; and one on which this rank has proved itself is never given up for
 * another, as rank 0 may have let it in.
 */
final class Joining {
    private static final long RETRY_NANOS = 100_000_000L;

    /**
     * How long to wait.
     *
     * @param nextAddressNanos for one address, until the next is tried, too
     * @param unreachableNanos without any connection
     * @param silenceNanos     for rank 0's word, where there is a connection
     */
    record Limits(long nextAddressNanos, long unreachableNanos, long silenceNanos) {
        static Limits of(Settings settings) {
            return new Limits(3_000_000_000L, 10_000_000_000L, settings.joiningNanos());
        }
    }

    private final Invitation invitation;
    private final Token token;
    private final Settings settings;
    private final Limits limits;
    private final Diagnosis diagnosis;
    private final Selector selector;
    private final RankTable table;
    private final List<Attempt> attempts = new ArrayList<>();
    /** Where there is no attempt now; those that have failed last come last. */
    private final Deque<InetAddress> untried;
    /** Why there is no connection, as far as is known. */
    private final Map<InetAddress, String> errors = new LinkedHashMap<>();
    private long nextAttemptNanos = System.nanoTime();

    private Joining(Invitation invitation, Settings settings, Limits limits, Selector selector) throws IOException {
        this.invitation = invitation;
        this.settings = settings;
        this.limits = limits;
        this.selector = selector;
        token = new Token(invitation.token());
        diagnosis = new Diagnosis(Long.MAX_VALUE, limits.silenceNanos(), limits.silenceNanos(), 0);
        table = RankTable.of(settings.rank(), settings.hosts(), System.nanoTime());
        untried = new ArrayDeque<>(Addresses.nearestFirst(invitation.addresses(), Addresses.ofThisMachine()));
    }

    /**
     * Connects to rank 0.
     *
     * @throws InvalidInputException if it cannot be reached
     * @throws RankFailedException   if it can, but is silent
     */
    static Spoke connect(Invitation invitation, Settings settings, Limits limits) throws IOException {
        Selector selector = Selector.open();
        try {
            Joining joining = new Joining(invitation, settings, limits, selector);
            try {
                return new Spoke(joining.run().connection(), selector, settings);
            } catch (IOException | RuntimeException e) {
                joining.attempts.forEach(Attempt::close);
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            selector.close();
            throw e;
        }
    }

    private Attempt run() throws IOException {
        long unconnectedNanos = 0;
        while (true) {
            if (System.nanoTime() - nextAttemptNanos >= 0) {
                tryNextAddress();
            }
            // Before anybody's silence is judged: it may be this process that was not running.
            advance();
            if (attempts.stream().anyMatch(Attempt::isWelcomed)) {
                return attempts.get(0);
            }
            long nowNanos = System.nanoTime();
            boolean connected = attempts.stream().anyMatch(Attempt::isConnected);
            if (connected) {
                judge(nowNanos);
            } else if (unconnectedNanos >= limits.unreachableNanos()) {
                throw unreachable();
            }
            selector.select(RETRY_NANOS / 1_000_000);
            selector.selectedKeys().clear();
            unconnectedNanos += connected ? 0 : System.nanoTime() - nowNanos;
        }
    }

    private void tryNextAddress() {
        if (untried.isEmpty() || attempts.stream().anyMatch(Attempt::isProved)) {
            return;
        }
        InetAddress address = untried.removeFirst();
        nextAttemptNanos = System.nanoTime() + limits.nextAddressNanos();
        errors.putIfAbsent(address, "no answer");
        try {
            attempts.add(new Attempt(new InetSocketAddress(address, invitation.port()), settings.rank(), token, selector));
        } catch (IOException e) {
            failed(address, e);
        }
    }

    private void failed(InetAddress address, IOException why) {
        errors.put(address, why.getMessage());
        untried.addLast(address);
        nextAttemptNanos = System.nanoTime() + RETRY_NANOS;
    }

    private void advance() {
        for (Attempt attempt : List.copyOf(attempts)) {
            boolean known = attempt.isProved();
            try {
                attempt.advance();
            } catch (IOException e) {
                attempt.close();
                attempts.remove(attempt);
                failed(attempt.address(), e);
            }
            if (attempt.isProved() && !known && attempts.contains(attempt)) {
                table.heard(0, System.nanoTime());
                keepOnly(attempt);
                return;
            }
        }
    }

    private void keepOnly(Attempt proved) {
        for (Attempt other : attempts) {
            if (other != proved) {
                other.close();
                untried.addLast(other.address());
            }
        }
        attempts.retainAll(List.of(proved));
    }

    private void judge(long nowNanos) {
        Optional<Diagnosis.Finding> silent = diagnosis.of(table.views(nowNanos));
        if (silent.isPresent()) {
            throw new RankFailedException(silent.get().message(), silent.get().hostLost());
        }
    }

    private InvalidInputException unreachable() {
        String tried = errors.isEmpty() ? "it has no address" : errors.entrySet().stream()
                .map(error -> error.getKey().getHostAddress() + ": " + error.getValue()).collect(Collectors.joining(", "));
        return new InvalidInputException("rank " + settings.rank() + " on host " + settings.hosts().get(settings.rank())
                + " cannot reach rank 0 on host " + invitation.host() + " by TCP at port " + invitation.port() + " (" + tried
                + "); let the hosts of a job reach each other");
    }
}

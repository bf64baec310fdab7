package dev.lockstep.comm.channel;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * This rank's side of the channel beside MPI: {@link #open} and {@link #invite} on all ranks, then {@link #join} on each. From
 * then on rank 0 names the rank that has failed, and the others notice when rank 0 has. Nothing of it runs on the threads
 * that train.
 */
public final class Channel implements AutoCloseable {
    private static final long TO_JOIN_NANOS = 10_000_000_000L;
    private static final long TO_JOIN_AT_ONE_ADDRESS_NANOS = 3_000_000_000L;
    private static final long RETRY_NANOS = 100_000_000L;

    private final Communicator communicator;
    private final String host;
    private final Duration timeout;
    private final Progress progress;
    private final Consumer<RankFailedException> onFailure;
    /** Rank 0's, until its end takes it over. */
    private final Optional<ServerSocketChannel> listener;
    private final Invitation own;
    private Settings settings;
    private Invitation invitation;
    private volatile Endpoint endpoint;

    private Channel(Communicator communicator, String host, Duration timeout, Progress progress,
            Consumer<RankFailedException> onFailure, Optional<ServerSocketChannel> listener, Invitation own) {
        this.communicator = communicator;
        this.host = host;
        this.timeout = timeout;
        this.progress = progress;
        this.onFailure = onFailure;
        this.listener = listener;
        this.own = own;
    }

    /**
     * Opens a port on rank 0; on loopback alone if all ranks are on one machine.
     *
     * @param host        this rank's, for messages
     * @param environment that this process was given: which networks Open MPI is told to use
     * @param timeout     of the job: for longer no rank may be silent, or be awaited in a collective that has a limit
     * @param progress    of this rank
     * @param onFailure   called at most once, on a thread of its own, when a rank has failed
     * @throws InvalidInputException if there is no port
     */
    public static Channel open(Communicator communicator, String host, Map<String, String> environment, Duration timeout,
            Progress progress, Consumer<RankFailedException> onFailure) {
        if (communicator.rank() != 0) {
            return new Channel(communicator, host, timeout, progress, onFailure, Optional.empty(), Invitation.none(host));
        }
        try {
            boolean oneMachine = communicator.localSize() == communicator.size();
            InetAddress loopback = InetAddress.getLoopbackAddress();
            ServerSocketChannel listener = ServerSocketChannel.open();
            listener.bind(oneMachine ? new InetSocketAddress(loopback, 0) : null, communicator.size());
            Invitation own = new Invitation(host, Token.random(Token.BYTES), listener.socket().getLocalPort(), oneMachine
                    ? List.of(loopback) : Addresses.inOrderOfMpi(Addresses.ofThisMachine(), environment));
            return new Channel(communicator, host, timeout, progress, onFailure, Optional.of(listener), own);
        } catch (IOException e) {
            throw new InvalidInputException("no TCP port can be opened for the other ranks (" + e.getMessage()
                    + "); look at the limits and the network of host " + host, e);
        }
    }

    /** Tells all ranks, over MPI, of rank 0's port and of this run's token. Collective. */
    public void invite() {
        List<Invitation> all = communicator.allGather(own.toBytes()).stream().map(Invitation::of).toList();
        invitation = all.get(0);
        settings = new Settings(communicator.rank(), all.stream().map(Invitation::host).toList(), timeout,
                () -> new Heartbeat(progress.epoch(), progress.step(), communicator.state()), onFailure);
    }

    /**
     * Connects to rank 0; on rank 0, begins to let the others in.
     *
     * @throws InvalidInputException if rank 0 cannot be reached
     */
    public void join() {
        try {
            endpoint = listener.isPresent() ? new Hub(listener.get(), new Token(invitation.token()), settings)
                    : connect(invitation, settings, TO_JOIN_NANOS);
        } catch (IOException e) {
            throw new InvalidInputException("the channel between the ranks cannot be opened (" + e.getMessage()
                    + "); look at the limits of host " + host, e);
        }
    }

    /** Tries one address after the other, and all of them again, until the limit. */
    static Spoke connect(Invitation invitation, Settings settings, long limitNanos) throws SocketException {
        Token token = new Token(invitation.token());
        List<InetAddress> addresses = Addresses.nearestFirst(invitation.addresses(), Addresses.ofThisMachine());
        Map<InetAddress, String> errors = new LinkedHashMap<>();
        long endNanos = System.nanoTime() + limitNanos;
        do {
            for (InetAddress address : addresses) {
                long leftNanos = Math.min(TO_JOIN_AT_ONE_ADDRESS_NANOS, endNanos - System.nanoTime());
                try {
                    return Spoke.connect(new InetSocketAddress(address, invitation.port()), token, settings, leftNanos);
                } catch (IOException e) {
                    errors.put(address, e.getMessage());
                }
            }
            LockSupport.parkNanos(RETRY_NANOS);
        } while (System.nanoTime() - endNanos < 0);
        String tried = errors.isEmpty() ? "it has no address" : errors.entrySet().stream()
                .map(error -> error.getKey().getHostAddress() + ": " + error.getValue()).collect(Collectors.joining(", "));
        throw new InvalidInputException("rank " + settings.rank() + " on host " + settings.hosts().get(settings.rank())
                + " cannot reach rank 0 on host " + invitation.host() + " by TCP at port " + invitation.port() + " (" + tried
                + "); let the hosts of a job reach each other");
    }

    /**
     * Whether this rank is the one of the job's that may print why it ends; the first to ask is. Callable by any thread.
     *
     * @param patience after which it may, as nobody answers
     */
    public boolean claim(Duration patience) {
        Endpoint joined = endpoint;
        if (joined == null) {
            return true;
        }
        try {
            return joined.claim().get(patience.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        } catch (TimeoutException | ExecutionException e) {
            return true;
        }
    }

    /**
     * To be called where all is well, on all ranks: returns when all have called it, and a connection's end means nothing from
     * then on. Where a rank fails before that, it returns some time after {@code onFailure} was called.
     */
    @Override
    public void close() {
        Endpoint joined = endpoint;
        if (joined != null) {
            joined.close();
        }
    }
}

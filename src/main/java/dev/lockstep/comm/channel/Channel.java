package dev.lockstep.comm.channel;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * This rank's side of the channel beside MPI: {@link #open} and {@link #invite} on all ranks, then {@link #join} on each. From
 * then on rank 0 names the rank that has failed, and the others notice when rank 0 has. Nothing of it runs on the threads
 * that train.
 */
public final class Channel implements AutoCloseable {
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
            List<InetAddress> addresses = oneMachine ? List.of(loopback)
                    : Addresses.inOrderOfMpi(Addresses.ofThisMachine(), environment);
            // All ranks find room, at all addresses, while this one is busy.
            listener.bind(oneMachine ? new InetSocketAddress(loopback, 0) : null,
                    communicator.size() * (addresses.size() + 1));
            Invitation own = new Invitation(host, Token.random(Token.BYTES), listener.socket().getLocalPort(), addresses);
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
     * @throws RankFailedException   if it can, but is silent
     */
    public void join() {
        try {
            endpoint = listener.isPresent() ? new Hub(listener.get(), new Token(invitation.token()), settings)
                    : Joining.connect(invitation, settings, Joining.Limits.of(settings));
        } catch (IOException e) {
            throw new InvalidInputException("the channel between the ranks cannot be opened (" + e.getMessage()
                    + "); look at the limits of host " + host, e);
        }
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

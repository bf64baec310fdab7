package dev.lockstep.comm.channel;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Rank 0's end: lets the run's ranks in, hears where they are, and tells when one has failed. Listens only until all are
 * there; strangers are turned away, and can take neither memory nor time without a limit.
 */
final class Hub implements Endpoint {
    private static final long HANDSHAKE_NANOS = 5_000_000_000L;
    private static final long FAREWELL_NANOS = 2_000_000_000L;
    /** Beyond the ranks that are yet to come. */
    private static final int STRANGERS = 64;

    /** A connection that has not proved whose it is. */
    private static final class Guest {
        private final FrameConnection connection;
        private final long sinceNanos;
        private Handshake.Hello hello;
        private byte[] nonce;

        Guest(FrameConnection connection, long sinceNanos) {
            this.connection = connection;
            this.sinceNanos = sinceNanos;
        }
    }

    private final Settings settings;
    private final Token token;
    private final ServerSocketChannel listener;
    private final Selector selector;
    private final Thread thread;
    private final Queue<CompletableFuture<Boolean>> claims = new ConcurrentLinkedQueue<>();
    private volatile boolean closing;

    // All below are the thread's.
    private final RankTable table;
    /** By rank; null where there is none now. */
    private final FrameConnection[] ranks;
    /** Oldest first. */
    private final Deque<Guest> guests = new ArrayDeque<>();
    private int joined = 1;
    private long allJoinedNanos;
    private boolean claimed;
    private boolean failed;
    private long failedSinceNanos;

    /** @param listener bound; closed by the hub */
    Hub(ServerSocketChannel listener, Token token, Settings settings) throws IOException {
        this.listener = listener;
        this.token = token;
        this.settings = settings;
        table = RankTable.ofRank0(settings.hosts(), System.nanoTime());
        ranks = new FrameConnection[settings.hosts().size()];
        selector = Selector.open();
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        thread = new Thread(this::run, "lockstep-channel");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public CompletableFuture<Boolean> claim() {
        CompletableFuture<Boolean> answer = new CompletableFuture<>();
        claims.add(answer);
        selector.wakeup();
        return answer;
    }

    @Override
    public void close() {
        closing = true;
        if (thread.isAlive()) {
            selector.wakeup();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            long nextBeatNanos = System.nanoTime();
            while (!closing || waits()) {
                selector.select(Math.max(1, (nextBeatNanos - System.nanoTime()) / 1_000_000));
                serve();
                answerClaims();
                if (System.nanoTime() - nextBeatNanos >= 0) {
                    beat();
                    nextBeatNanos = System.nanoTime() + settings.beatNanos();
                }
                judge();
            }
            takeLeave();
        } catch (IOException e) {
            settings.fail(e);
        }
    }

    /** For ranks that are not done yet; after a failure not for long, as this process is then ended by whoever was told. */
    private boolean waits() {
        return failed ? System.nanoTime() - failedSinceNanos < FAREWELL_NANOS : !table.haveLeft();
    }

    /** All that has arrived, before anybody's silence is judged: it may be this process that was not running. */
    private void serve() throws IOException {
        for (SelectionKey key : selector.selectedKeys()) {
            if (!key.isValid()) {
                continue;
            }
            if (key.channel() == listener) {
                accept();
            } else if (key.attachment() instanceof Guest guest) {
                hear(guest, key);
            } else {
                hear((Integer) key.attachment());
            }
        }
        selector.selectedKeys().clear();
        while (!guests.isEmpty() && System.nanoTime() - guests.getFirst().sinceNanos > HANDSHAKE_NANOS) {
            guests.removeFirst().connection.close();
        }
    }

    private void accept() throws IOException {
        SocketChannel socket = listener.accept();
        if (socket == null) {
            return;
        }
        if (guests.size() >= ranks.length + STRANGERS) {
            guests.removeFirst().connection.close();
        }
        Guest guest = new Guest(new FrameConnection(socket), System.nanoTime());
        socket.register(selector, SelectionKey.OP_READ, guest);
        guests.addLast(guest);
    }

    private void hear(Guest guest, SelectionKey key) throws IOException {
        try {
            Optional<Frame> frame = guest.connection.receive();
            if (frame.isPresent() && guest.hello == null) {
                challenge(guest, Handshake.Hello.of(frame.get()));
            } else if (frame.isPresent()) {
                Handshake.check(token, guest.hello, guest.nonce, frame.get());
                letIn(guest, key);
            }
        } catch (IOException e) {
            guests.remove(guest);
            guest.connection.close();
        }
    }

    private void challenge(Guest guest, Handshake.Hello hello) throws IOException {
        if (hello.rank() < 1 || hello.rank() >= ranks.length) {
            throw new ProtocolException("there is no rank " + hello.rank());
        }
        guest.hello = hello;
        guest.nonce = Token.random(Token.NONCE_BYTES);
        guest.connection.send(Handshake.challenge(token, hello, guest.nonce));
    }

    private void letIn(Guest guest, SelectionKey key) throws IOException {
        int rank = guest.hello.rank();
        if (table.link(rank) != RankView.Link.AWAITED) {
            throw new ProtocolException("rank " + rank + " is here already");
        }
        guests.remove(guest);
        ranks[rank] = guest.connection;
        key.attach(rank);
        table.heard(rank, System.nanoTime());
        send(rank, Frame.of(Frame.Kind.WELCOME));
        joined++;
        if (joined == ranks.length) {
            allJoinedNanos = System.nanoTime();
            listener.close();
            guests.forEach(stranger -> stranger.connection.close());
            guests.clear();
        }
    }

    private void hear(int rank) {
        try {
            for (Optional<Frame> frame = ranks[rank].receive(); frame.isPresent(); frame = ranks[rank].receive()) {
                table.heard(rank, System.nanoTime());
                switch (frame.get().kind()) {
                    case BEAT -> table.beat(rank, Heartbeat.of(frame.get().content()));
                    case CLAIM -> claim(rank);
                    case BYE -> table.left(rank);
                    default -> throw new ProtocolException(frame.get().kind() + " from a rank");
                }
            }
        } catch (IOException e) {
            table.closed(rank, System.nanoTime());
            ranks[rank].close();
            ranks[rank] = null;
        }
    }

    private void claim(int rank) {
        send(rank, Frame.of(claimed ? Frame.Kind.TAKEN : Frame.Kind.GRANTED));
        take(rank);
    }

    private void answerClaims() {
        for (CompletableFuture<Boolean> claim = claims.poll(); claim != null; claim = claims.poll()) {
            boolean granted = !claimed;
            take(0);
            claim.complete(granted);
        }
    }

    private void take(int speaker) {
        if (!claimed) {
            claimed = true;
            for (int rank = 1; rank < ranks.length; rank++) {
                if (rank != speaker) {
                    send(rank, Frame.of(Frame.Kind.TAKEN));
                }
            }
        }
    }

    private void beat() {
        Heartbeat own = settings.own().get();
        table.beat(0, own);
        Frame frame = new Frame(Frame.Kind.BEAT, own.toBytes());
        for (int rank = 1; rank < ranks.length; rank++) {
            send(rank, frame);
        }
    }

    /** To a rank that is there. One that cannot be reached is found by reading: its last word may still be there. */
    private void send(int rank, Frame frame) {
        if (ranks[rank] != null) {
            try {
                ranks[rank].send(frame);
            } catch (IOException e) {
                // See above.
            }
        }
    }

    private void judge() {
        if (!failed) {
            // Until then some may have waited for one that had yet to join.
            boolean limited = joined == ranks.length && System.nanoTime() - allJoinedNanos > settings.timeout().toNanos();
            Diagnosis diagnosis = limited ? settings.diagnosis() : settings.diagnosisOfConnections();
            Optional<Diagnosis.Finding> failure = diagnosis.of(table.views(System.nanoTime()));
            failed = failure.isPresent();
            failedSinceNanos = System.nanoTime();
            failure.ifPresent(settings::fail);
        }
    }

    /** Reads to each connection's end: closing one that has something unread would cut off what was sent on it. */
    private void takeLeave() throws IOException {
        long sinceNanos = System.nanoTime();
        listener.close();
        guests.forEach(guest -> guest.connection.close());
        for (FrameConnection connection : ranks) {
            if (connection != null && !failed) {
                connection.sendBye();
            }
        }
        while (!failed && Arrays.stream(ranks).anyMatch(Objects::nonNull) && System.nanoTime() - sinceNanos < FAREWELL_NANOS) {
            selector.select(settings.beatNanos() / 1_000_000 + 1);
            serve();
        }
        for (FrameConnection connection : ranks) {
            if (connection != null) {
                connection.close();
            }
        }
        selector.close();
    }
}

package dev.lockstep.comm.channel;

import java.io.IOException;
import java.net.ProtocolException;
import java.nio.channels.Selector;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** The end of a rank other than 0: tells rank 0 where this one is, and finds out when rank 0 has failed. */
final class Spoke implements Endpoint {
    private static final long FAREWELL_NANOS = 2_000_000_000L;

    private final Settings settings;
    private final Diagnosis diagnosis;
    private final FrameConnection connection;
    private final Selector selector;
    private final Thread thread;
    /** Completed by the thread. */
    private final CompletableFuture<Boolean> claim = new CompletableFuture<>();
    private volatile boolean claiming;
    private volatile boolean closing;

    // All below are the thread's.
    private final RankTable table;
    private boolean failed;
    private long failedSinceNanos;

    /**
     * @param connection on which rank 0 has welcomed this rank
     * @param selector   of that connection alone; closed by the spoke
     */
    Spoke(FrameConnection connection, Selector selector, Settings settings) {
        this.connection = connection;
        this.selector = selector;
        this.settings = settings;
        diagnosis = settings.diagnosisOfConnections();
        table = RankTable.of(settings.rank(), settings.hosts(), System.nanoTime());
        thread = new Thread(this::run, "lockstep-channel");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public CompletableFuture<Boolean> claim() {
        claiming = true;
        selector.wakeup();
        return claim;
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
            boolean claimSent = false;
            long nextBeatNanos = System.nanoTime();
            while (!closing) {
                selector.select(Math.max(1, (nextBeatNanos - System.nanoTime()) / 1_000_000));
                hear();
                if (claiming && !claimSent) {
                    send(Frame.of(Frame.Kind.CLAIM));
                    claimSent = true;
                }
                if (System.nanoTime() - nextBeatNanos >= 0) {
                    Heartbeat own = settings.own().get();
                    table.beat(settings.rank(), own);
                    send(new Frame(Frame.Kind.BEAT, own.toBytes()));
                    nextBeatNanos = System.nanoTime() + settings.beatNanos();
                }
                judge();
            }
            takeLeave();
        } catch (IOException e) {
            settings.fail(e);
        }
    }

    /** All that has arrived, before rank 0's silence is judged: it may be this process that was not running. */
    private void hear() {
        selector.selectedKeys().clear();
        if (!connection.socket().isOpen()) {
            return;
        }
        try {
            for (Optional<Frame> frame = connection.receive(); frame.isPresent(); frame = connection.receive()) {
                table.heard(0, System.nanoTime());
                switch (frame.get().kind()) {
                    case BEAT -> table.beat(0, Heartbeat.of(frame.get().content()));
                    case GRANTED -> claim.complete(true);
                    case TAKEN -> claim.complete(false);
                    case BYE -> table.left(0);
                    default -> throw new ProtocolException(frame.get().kind() + " from rank 0");
                }
            }
        } catch (IOException e) {
            table.closed(0, System.nanoTime());
            connection.close();
        }
    }

    /** What goes wrong is found by reading: rank 0's last word may still be there. */
    private void send(Frame frame) {
        if (connection.socket().isOpen()) {
            try {
                connection.send(frame);
            } catch (IOException e) {
                // See above.
            }
        }
    }

    private void judge() {
        if (!failed) {
            Optional<Diagnosis.Finding> failure = diagnosis.of(table.views(System.nanoTime()));
            if (failure.isPresent()) {
                failed = true;
                failedSinceNanos = System.nanoTime();
                // There is nobody to ask any more. It may have answered before, though.
                claim.complete(true);
                settings.fail(failure.get());
            }
        }
    }

    /** Rank 0's last word comes when all are done. After a failure this process is ended by whoever was told. */
    private void takeLeave() throws IOException {
        connection.sendBye();
        while (failed ? System.nanoTime() - failedSinceNanos < FAREWELL_NANOS : !table.haveLeft()) {
            selector.select(settings.beatNanos() / 1_000_000 + 1);
            hear();
            judge();
        }
        connection.close();
        selector.close();
    }
}

package dev.lockstep.comm.channel;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands between the ranks and a rank 0 that gets no core: of every connection's frames to it some are held until told. */
final class SlowLink implements AutoCloseable {
    private final InetSocketAddress rank0;
    private final int framesBefore;
    private final ServerSocket listener;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final CountDownLatch held = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);
    private final AtomicInteger connections = new AtomicInteger();

    /** @param framesBefore that pass at once, of each connection */
    SlowLink(InetSocketAddress rank0, int framesBefore) throws IOException {
        this.rank0 = rank0;
        this.framesBefore = framesBefore;
        listener = new ServerSocket(0, 0, InetAddress.getLoopbackAddress());
        start(() -> {
            while (true) {
                connect(listener.accept());
            }
        });
    }

    private interface Pump {
        void run() throws IOException, InterruptedException;
    }

    private static void start(Pump pump) {
        Thread thread = new Thread(() -> {
            try {
                pump.run();
            } catch (IOException | InterruptedException e) {
                // Closed by either side, or by the test's end.
            }
        }, "slow-link");
        thread.setDaemon(true);
        thread.start();
    }

    private void connect(Socket rank) throws IOException {
        connections.incrementAndGet();
        Socket hub = new Socket(rank0.getAddress(), rank0.getPort());
        sockets.addAll(List.of(rank, hub));
        start(() -> {
            hub.getInputStream().transferTo(rank.getOutputStream());
            rank.shutdownOutput();
        });
        start(() -> {
            forward(rank.getInputStream(), hub.getOutputStream());
            hub.shutdownOutput();
        });
    }

    private void forward(InputStream in, OutputStream out) throws IOException, InterruptedException {
        for (int frame = 0; ; frame++) {
            byte[] header = in.readNBytes(Frame.HEADER_BYTES);
            if (header.length < Frame.HEADER_BYTES) {
                return;
            }
            byte[] content = in.readNBytes((header[1] & 0xff) << Byte.SIZE | header[2] & 0xff);
            if (frame == framesBefore) {
                held.countDown();
                released.await();
            }
            out.write(header);
            out.write(content);
        }
    }

    InetSocketAddress address() {
        return (InetSocketAddress) listener.getLocalSocketAddress();
    }

    /** Returns once a frame has been held for {@code nanos}: the time that rank 0 does not run for. */
    void hold(long nanos) throws InterruptedException {
        if (!held.await(ChannelThreads.LIMIT.toSeconds(), TimeUnit.SECONDS)) {
            throw new AssertionError("no frame to hold within " + ChannelThreads.LIMIT);
        }
        released.await(nanos, TimeUnit.NANOSECONDS);
    }

    /** Lets all pass from now on. */
    void release() {
        released.countDown();
    }

    /** Ends the connections that there are. */
    void cut() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    int connections() {
        return connections.get();
    }

    @Override
    public void close() throws IOException {
        release();
        listener.close();
        cut();
    }
}

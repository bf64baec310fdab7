package dev.lockstep.comm.channel;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Lets one rank in and then says nothing by itself. */
final class RankZero implements AutoCloseable {
    private final ServerSocketChannel listener;
    private final CompletableFuture<FrameConnection> rank = new CompletableFuture<>();

    RankZero(Token token) throws IOException {
        listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        Thread thread = new Thread(() -> {
            try {
                FrameConnection connection = new FrameConnection(listener.accept());
                Handshake.Hello hello = Handshake.Hello.of(next(connection));
                byte[] nonce = Token.random(Token.NONCE_BYTES);
                connection.send(Handshake.challenge(token, hello, nonce));
                Handshake.check(token, hello, nonce, next(connection));
                connection.send(Frame.of(Frame.Kind.WELCOME));
                rank.complete(connection);
            } catch (IOException | RuntimeException e) {
                rank.completeExceptionally(e);
            }
        }, "rank-zero");
        thread.setDaemon(true);
        thread.start();
    }

    InetSocketAddress address() throws IOException {
        return (InetSocketAddress) listener.getLocalAddress();
    }

    void send(Frame frame) throws Exception {
        rank.get(ChannelThreads.LIMIT.toSeconds(), TimeUnit.SECONDS).send(frame);
    }

    /** Waits for a frame. */
    static Frame next(FrameConnection connection) throws IOException {
        long startNanos = System.nanoTime();
        Optional<Frame> frame = connection.receive();
        while (frame.isEmpty()) {
            if (System.nanoTime() - startNanos > ChannelThreads.LIMIT.toNanos()) {
                throw new IOException("no frame within " + ChannelThreads.LIMIT);
            }
            Thread.onSpinWait();
            frame = connection.receive();
        }
        return frame.get();
    }

    static byte[] bytes(Frame frame) {
        return ByteBuffer.allocate(Frame.HEADER_BYTES + frame.content().length).put((byte) frame.kind().ordinal())
                .putShort((short) frame.content().length).put(frame.content()).array();
    }

    /** As the kernel does for a killed process. */
    void kill() throws IOException {
        listener.close();
        rank.thenAccept(FrameConnection::close);
    }

    @Override
    public void close() throws IOException {
        kill();
    }
}

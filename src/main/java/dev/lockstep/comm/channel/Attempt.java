package dev.lockstep.comm.channel;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.Optional;

/** A connection to one of rank 0's addresses, until rank 0 has welcomed this rank on it. Never blocks. */
final class Attempt implements AutoCloseable {
    private enum State {
        CONNECTING,
        /** Whoever is at the other side has been asked to prove that it is rank 0. */
        ASKED,
        /** It has, and so has this rank: rank 0 may let it in at any time from now on. */
        PROVED,
        WELCOMED
    }

    private final InetAddress address;
    private final Token token;
    private final Handshake.Hello hello;
    private final FrameConnection connection;
    private final SelectionKey key;
    private State state = State.CONNECTING;

    Attempt(InetSocketAddress address, int rank, Token token, Selector selector) throws IOException {
        this.address = address.getAddress();
        this.token = token;
        hello = new Handshake.Hello(rank, Token.random(Token.NONCE_BYTES));
        SocketChannel socket = SocketChannel.open();
        try {
            connection = new FrameConnection(socket);
            key = socket.register(selector, SelectionKey.OP_CONNECT);
            socket.connect(address);
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    InetAddress address() {
        return address;
    }

    FrameConnection connection() {
        return connection;
    }

    boolean isConnected() {
        return state != State.CONNECTING;
    }

    /** Whether rank 0 is at the other side. */
    boolean isProved() {
        return state == State.PROVED || state == State.WELCOMED;
    }

    boolean isWelcomed() {
        return state == State.WELCOMED;
    }

    /**
     * Goes on with what has arrived.
     *
     * @throws IOException if nothing can come of it any more
     */
    void advance() throws IOException {
        if (state == State.CONNECTING && connection.socket().finishConnect()) {
            key.interestOps(SelectionKey.OP_READ);
            connection.send(hello.toFrame());
            state = State.ASKED;
        }
        if (state == State.ASKED) {
            Optional<Frame> challenge = connection.receive();
            if (challenge.isPresent()) {
                connection.send(Handshake.answer(token, hello, challenge.get()));
                state = State.PROVED;
            }
        }
        if (state == State.PROVED) {
            Optional<Frame> welcome = connection.receive();
            if (welcome.isPresent()) {
                Handshake.require(welcome.get(), Frame.Kind.WELCOME);
                state = State.WELCOMED;
            }
        }
    }

    @Override
    public void close() {
        connection.close();
    }
}

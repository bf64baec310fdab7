package dev.lockstep.comm.channel;

import java.io.EOFException;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Optional;

/** Frames over a socket that never blocks, in memory that does not grow. Used by one thread. */
final class FrameConnection implements AutoCloseable {
    /** More than a peer that reads at all ever lets pile up. */
    private static final int UNSENT_FRAMES = 16;

    private final SocketChannel socket;
    private final ByteBuffer in = ByteBuffer.allocate(Frame.LARGEST_BYTES);
    private final ByteBuffer out = ByteBuffer.allocate(UNSENT_FRAMES * Frame.LARGEST_BYTES);

    /** @param socket connected; set to non-blocking here */
    FrameConnection(SocketChannel socket) throws IOException {
        this.socket = socket;
        socket.configureBlocking(false);
        socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
    }

    SocketChannel socket() {
        return socket;
    }

    /**
     * The next frame, if it has arrived.
     *
     * @throws EOFException      if the other side has closed
     * @throws ProtocolException for what is no frame
     */
    Optional<Frame> receive() throws IOException {
        Optional<Frame> frame = takeFrame();
        while (frame.isEmpty()) {
            int count = socket.read(in);
            if (count < 0) {
                throw new EOFException("closed by the other side");
            }
            if (count == 0) {
                return frame;
            }
            frame = takeFrame();
        }
        return frame;
    }

    private Optional<Frame> takeFrame() throws ProtocolException {
        if (in.position() < Frame.HEADER_BYTES) {
            return Optional.empty();
        }
        int number = in.get(0);
        int contentBytes = Short.toUnsignedInt(in.getShort(1));
        if (number < 0 || number >= Frame.Kind.values().length || !Frame.Kind.values()[number].allows(contentBytes)) {
            throw new ProtocolException("not a frame");
        }
        if (in.position() < Frame.HEADER_BYTES + contentBytes) {
            return Optional.empty();
        }
        byte[] content = new byte[contentBytes];
        in.flip().position(Frame.HEADER_BYTES).get(content).compact();
        return Optional.of(new Frame(Frame.Kind.values()[number], content));
    }

    /** Sends as much as the other side takes now, and the rest with later frames; a frame is dropped where too much piles up. */
    void send(Frame frame) throws IOException {
        if (out.remaining() >= Frame.HEADER_BYTES + frame.content().length) {
            out.put((byte) frame.kind().ordinal()).putShort((short) frame.content().length).put(frame.content());
        }
        out.flip();
        socket.write(out);
        out.compact();
    }

    /** Says that this rank is done. */
    void sendBye() {
        try {
            send(Frame.of(Frame.Kind.BYE));
        } catch (IOException e) {
            // It is gone, or has closed: nobody to say it to.
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // Gone either way.
        }
    }
}

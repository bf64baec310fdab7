package dev.lockstep.comm.channel;

import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;

/** How rank 0 and another rank find out that they are of one run. */
final class Handshake {
    private static final long MAGIC = 0x4c4f434b53544550L;

    private Handshake() {
    }

    /** The first frame of a rank. */
    record Hello(int rank, byte[] nonce) {
        static final int BYTES = Long.BYTES + Integer.BYTES + Token.NONCE_BYTES;

        Frame toFrame() {
            return new Frame(Frame.Kind.HELLO, ByteBuffer.allocate(BYTES).putLong(MAGIC).putInt(rank).put(nonce).array());
        }

        static Hello of(Frame frame) throws ProtocolException {
            require(frame, Frame.Kind.HELLO);
            ByteBuffer content = ByteBuffer.wrap(frame.content());
            if (content.getLong() != MAGIC) {
                throw new ProtocolException("not a rank");
            }
            int rank = content.getInt();
            byte[] nonce = new byte[Token.NONCE_BYTES];
            content.get(nonce);
            return new Hello(rank, nonce);
        }
    }

    static Frame challenge(Token token, Hello hello, byte[] nonce) {
        return new Frame(Frame.Kind.CHALLENGE, ByteBuffer.allocate(Token.NONCE_BYTES + Token.PROOF_BYTES).put(nonce)
                .put(token.proof(hello.rank, hello.nonce, nonce, 0)).array());
    }

    /** A rank's answer to rank 0's challenge; thrown if that is not rank 0 of this run. */
    static Frame answer(Token token, Hello hello, Frame challenge) throws ProtocolException {
        require(challenge, Frame.Kind.CHALLENGE);
        byte[] nonce = Arrays.copyOf(challenge.content(), Token.NONCE_BYTES);
        byte[] proof = Arrays.copyOfRange(challenge.content(), Token.NONCE_BYTES, challenge.content().length);
        if (!MessageDigest.isEqual(proof, token.proof(hello.rank, hello.nonce, nonce, 0))) {
            throw new ProtocolException("another program listens there");
        }
        return new Frame(Frame.Kind.PROOF, token.proof(hello.rank, hello.nonce, nonce, hello.rank));
    }

    /** Thrown if the other is no rank of this run. */
    static void check(Token token, Hello hello, byte[] nonce, Frame proof) throws ProtocolException {
        require(proof, Frame.Kind.PROOF);
        if (!MessageDigest.isEqual(proof.content(), token.proof(hello.rank, hello.nonce, nonce, hello.rank))) {
            throw new ProtocolException("it does not know this run's token");
        }
    }

    static void require(Frame frame, Frame.Kind kind) throws ProtocolException {
        if (frame.kind() != kind) {
            throw new ProtocolException(frame.kind() + " where " + kind + " was due");
        }
    }
}

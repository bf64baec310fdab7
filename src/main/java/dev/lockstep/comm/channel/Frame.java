package dev.lockstep.comm.channel;

/** What travels over a connection of the channel: one byte for the kind, two for the length, the content. */
record Frame(Kind kind, byte[] content) {
    static final int HEADER_BYTES = 3;

    /** In the order of their numbers on the wire. */
    enum Kind {
        /** The first of a rank: {@link Handshake.Hello}. */
        HELLO(Handshake.Hello.BYTES),
        /** Rank 0's nonce, and its proof that it knows the run's token. */
        CHALLENGE(Token.NONCE_BYTES + Token.PROOF_BYTES),
        /** The other rank's. */
        PROOF(Token.PROOF_BYTES),
        /** From rank 0: the proof holds. */
        WELCOME(0),
        /** A {@link Heartbeat}, some times a second, both ways. */
        BEAT(Heartbeat.SMALLEST_BYTES, Heartbeat.LARGEST_BYTES),
        /** To rank 0: the job is about to end for an error; may this rank be the one that prints it? */
        CLAIM(0),
        /** From rank 0: it may. */
        GRANTED(0),
        /** From rank 0: another rank prints it. */
        TAKEN(0),
        /** The sender is done and well; the end of its connection means nothing. */
        BYE(0);

        private final int smallestBytes;
        private final int largestBytes;

        Kind(int bytes) {
            this(bytes, bytes);
        }

        Kind(int smallestBytes, int largestBytes) {
            this.smallestBytes = smallestBytes;
            this.largestBytes = largestBytes;
        }

        boolean allows(int bytes) {
            return bytes >= smallestBytes && bytes <= largestBytes;
        }
    }

    static final int LARGEST_BYTES = HEADER_BYTES + Heartbeat.LARGEST_BYTES;

    static Frame of(Kind kind) {
        return new Frame(kind, new byte[0]);
    }
}

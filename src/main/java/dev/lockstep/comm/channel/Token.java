package dev.lockstep.comm.channel;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;

/**
 * A run's secret, made by rank 0 and shared over MPI. It never travels over the channel: each side proves that it knows it
 * by a hash over it and over random numbers that both have chosen, so that neither a stranger who listens nor one who takes
 * a connection for rank 0 learns what would let him in.
 */
final class Token {
    static final int BYTES = 32;
    static final int NONCE_BYTES = 16;
    static final int PROOF_BYTES = 32;

    private final byte[] secret;

    Token(byte[] secret) {
        if (secret.length != BYTES) {
            throw new IllegalArgumentException("a token has " + BYTES + " bytes, not " + secret.length);
        }
        this.secret = secret.clone();
    }

    static byte[] random(int bytes) {
        byte[] random = new byte[bytes];
        new SecureRandom().nextBytes(random);
        return random;
    }

    byte[] bytes() {
        return secret.clone();
    }

    /** Each rank's is another; of fixed lengths, so that nothing can be appended to what is hashed. */
    byte[] proof(int rank, byte[] nonceOfRank, byte[] nonceOfRank0, int prover) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(secret);
            digest.update(nonceOfRank);
            digest.update(nonceOfRank0);
            return digest.digest(ByteBuffer.allocate(2 * Integer.BYTES).putInt(rank).putInt(prover).array());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}

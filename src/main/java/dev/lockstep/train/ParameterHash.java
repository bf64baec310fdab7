package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** A hash of all parameters, to show that the replicas are still the same. */
final class ParameterHash {
    private static final int PIECE_ELEMENTS = 1 << 18;

    private ParameterHash() {
    }

    /**
     * SHA-256 of the parameters' bytes in model order, in hexadecimal.
     *
     * @throws TrainingException if a parameter is not finite: such a state must not be kept
     */
    static String of(ParameterArena arena, long step) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_ELEMENTS * Float.BYTES).order(ByteOrder.nativeOrder());
        for (Parameter parameter : arena.modelOrder()) {
            long count = parameter.value().elementCount();
            for (long first = 0; first < count; first += PIECE_ELEMENTS) {
                int elements = (int) Math.min(PIECE_ELEMENTS, count - first);
                piece.clear().limit(elements * Float.BYTES);
                parameter.value().slice(first, elements).copyToHost(piece);
                piece.flip();
                requireFinite(parameter, first, piece, elements, step);
                digest.update(piece);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void requireFinite(Parameter parameter, long first, ByteBuffer values, int elements, long step) {
        for (int i = 0; i < elements; i++) {
            if (!Float.isFinite(values.getFloat(i * Float.BYTES))) {
                throw new TrainingException("element " + (first + i) + " of " + parameter.name() + " is "
                        + values.getFloat(i * Float.BYTES) + " after step " + step
                        + ": training has diverged; lower the learning rate");
            }
        }
    }

    /**
     * Collective. The hash, the same on every rank.
     *
     * @throws TrainingException on every rank, if the replicas have drifted apart
     */
    static String agreed(ParameterArena arena, Communicator communicator, long step) {
        String mine = of(arena, step);
        List<byte[]> all = communicator.allGather(mine.getBytes(StandardCharsets.US_ASCII));
        for (int rank = 1; rank < all.size(); rank++) {
            if (!new String(all.get(rank), StandardCharsets.US_ASCII)
                    .equals(new String(all.get(0), StandardCharsets.US_ASCII))) {
                throw new TrainingException("the parameters of rank " + rank + " differ from rank 0's after step "
                        + step + ": the replicas have drifted apart, and nothing is saved; this is a fault of the"
                        + " program or the machine");
            }
        }
        return mine;
    }
}

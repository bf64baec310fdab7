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
import java.util.function.Consumer;

/** A hash of all parameters, to show that the replicas are still the same. */
final class ParameterHash {
    private static final int PIECE_ELEMENTS = 1 << 18;
    /** Kept: memory outside of the heap comes back only with the next garbage collection, which may be hours away. */
    private static final ThreadLocal<ByteBuffer> PIECE = ThreadLocal.withInitial(
            () -> ByteBuffer.allocateDirect(PIECE_ELEMENTS * Float.BYTES).order(ByteOrder.nativeOrder()));

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
        long[] scratch = new long[PIECE_ELEMENTS / 2];
        for (Parameter parameter : arena.modelOrder()) {
            long[] first = new long[1];
            forEachPiece(parameter, piece -> {
                requireFinite(piece, scratch, parameter.name(), first[0], step);
                first[0] += piece.remaining() / Float.BYTES;
                digest.update(piece);
            });
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void forEachPiece(Parameter parameter, Consumer<ByteBuffer> body) {
        long count = parameter.value().elementCount();
        ByteBuffer piece = PIECE.get();
        for (long first = 0; first < count; first += PIECE_ELEMENTS) {
            int elements = (int) Math.min(PIECE_ELEMENTS, count - first);
            parameter.value().slice(first, elements).copyToHost(piece.clear().limit(elements * Float.BYTES));
            body.accept(piece.flip());
        }
    }

    private static void requireFinite(ByteBuffer values, long[] scratch, String name, long first, long step) {
        try {
            NotFiniteException.check(values, scratch, name, first);
        } catch (NotFiniteException e) {
            throw new TrainingException(e.getMessage() + " after step " + step
                    + ": training has diverged; lower the learning rate", e);
        }
    }

    /**
     * Collective. The hash, the same on every rank.
     *
     * @throws TrainingException on every rank, if the replicas have drifted apart
     */
    static String agreed(ParameterArena arena, Communicator communicator, long step) {
        String mine = of(arena, step);
        compare(mine, communicator, step);
        return mine;
    }

    /**
     * Collective. As {@link #agreed} with a sum instead of the hash, which costs a hundredth of the time, and without a look
     * at the values.
     */
    static void requireAgreement(ParameterArena arena, Communicator communicator, long step) {
        if (communicator.size() == 1) {
            return;
        }
        BytesSum.Builder sum = new BytesSum.Builder();
        arena.modelOrder().forEach(parameter -> forEachPiece(parameter, sum::add));
        compare(sum.build().toString(), communicator, step);
    }

    private static void compare(String mine, Communicator communicator, long step) {
        List<byte[]> all = communicator.allGather(mine.getBytes(StandardCharsets.US_ASCII));
        for (int rank = 1; rank < all.size(); rank++) {
            if (!new String(all.get(rank), StandardCharsets.US_ASCII)
                    .equals(new String(all.get(0), StandardCharsets.US_ASCII))) {
                throw new TrainingException("the parameters of rank " + rank + " differ from rank 0's after step "
                        + step + ": the replicas have drifted apart, and nothing is saved; this is a fault of the"
                        + " program or the machine");
            }
        }
    }
}

package dev.lockstep.nn;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.random.Mt19937;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The initialisation that torch.nn.Linear uses for weight and bias. */
final class Uniform {
    private static final int PIECE_ELEMENTS = 1 << 20;

    private Uniform() {
    }

    /** Fills {@code target} (FLOAT32) from U(−1/√fanIn, 1/√fanIn), in element order. */
    static void fill(Mt19937 generator, int fanIn, DeviceBuffer target) {
        float bound = (float) (1.0 / Math.sqrt(fanIn));
        long count = target.elementCount();
        int pieceElements = (int) Math.min(count, PIECE_ELEMENTS);
        ByteBuffer piece = ByteBuffer.allocateDirect(pieceElements * Float.BYTES).order(ByteOrder.nativeOrder());
        for (long first = 0; first < count; first += pieceElements) {
            int elements = (int) Math.min(pieceElements, count - first);
            piece.clear().limit(elements * Float.BYTES);
            generator.uniform(-bound, bound, piece.asFloatBuffer());
            target.slice(first, elements).copyFromHost(piece);
        }
    }
}

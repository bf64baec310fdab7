package dev.lockstep.data;

import dev.lockstep.device.DeviceBuffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Fills a device buffer from its first element to its last, block by block: in place where the host reaches the
 * memory, else through one staging buffer.
 */
final class BlockWriter {
    private final DeviceBuffer target;
    private final int blockElements;
    /** Null where blocks are filled in place. */
    private final ByteBuffer staging;
    private DeviceBuffer current;
    private long nextElement;

    BlockWriter(DeviceBuffer target, int blockElements) {
        this.target = target;
        this.blockElements = (int) Math.min(blockElements, target.elementCount());
        this.staging = target.isHostAccessible() ? null
                : ByteBuffer.allocateDirect(Math.multiplyExact(this.blockElements, target.type().bytes()))
                        .order(ByteOrder.nativeOrder());
    }

    /**
     * Takes the block handed out before, which its receiver has filled, as written.
     *
     * @return memory for the next block, in native byte order; null once the whole target is written
     */
    ByteBuffer next() {
        if (staging != null && current != null) {
            current.copyFromHost(staging.rewind());
        }
        if (nextElement == target.elementCount()) {
            return null;
        }
        long elements = Math.min(blockElements, target.elementCount() - nextElement);
        current = target.slice(nextElement, elements);
        nextElement += elements;
        return staging == null ? current.hostView() : staging.clear().limit((int) current.byteCount());
    }
}

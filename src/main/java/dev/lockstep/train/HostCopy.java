package dev.lockstep.train;

import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** A copy of device memory on the host, in memory that is allocated once. The device's thread fills it; any may read. */
final class HostCopy {
    private static final int LARGEST_PIECE_BYTES = 1 << 30;

    private final int elementBytes;
    private final int pieceBytes;
    private final List<DeviceBuffer> sources = new ArrayList<>();
    private final List<ByteBuffer> pieces = new ArrayList<>();

    HostCopy(Device device, DeviceBuffer source) {
        this(device, source, LARGEST_PIECE_BYTES);
    }

    /** @param pieceBytes the largest allocation, a multiple of the element's size */
    HostCopy(Device device, DeviceBuffer source, int pieceBytes) {
        elementBytes = source.type().bytes();
        this.pieceBytes = pieceBytes;
        long pieceElements = pieceBytes / elementBytes;
        for (long first = 0; first < source.elementCount(); first += pieceElements) {
            DeviceBuffer piece = source.slice(first, Math.min(pieceElements, source.elementCount() - first));
            sources.add(piece);
            pieces.add(device.allocateHost(Math.toIntExact(piece.byteCount())));
        }
    }

    /** Copies the source as it is once all enqueued work is done. */
    void take() {
        for (int i = 0; i < pieces.size(); i++) {
            sources.get(i).copyToHost(pieces.get(i).clear());
        }
    }

    /** A range of the copy, in native byte order: one buffer after the other. */
    List<ByteBuffer> range(long firstElement, long elementCount) {
        List<ByteBuffer> range = new ArrayList<>();
        long end = (firstElement + elementCount) * elementBytes;
        for (long at = firstElement * elementBytes; at < end;) {
            int offset = (int) (at % pieceBytes);
            int bytes = (int) Math.min(pieceBytes - offset, end - at);
            range.add(pieces.get((int) (at / pieceBytes)).slice(offset, bytes).order(ByteOrder.nativeOrder()));
            at += bytes;
        }
        return range;
    }
}

package dev.lockstep.device.cuda;

import java.nio.ByteBuffer;

/** Copies from and to Java arrays, which CUDA cannot reach, by way of page-locked memory. */
final class Staging {
    private static final int BYTES = 4 << 20;

    private final CudaStream stream;
    private final ByteBuffer pinned;
    private final long pinnedAddress;
    private final Address buffer = new Address(0);

    Staging(CudaStream stream, PinnedMemory memory) {
        this.stream = stream;
        pinned = memory.allocate(BYTES);
        pinnedAddress = Address.of(pinned);
    }

    /** Copies {@code source}'s remaining bytes, done when it returns; {@code kind} as the stream takes it. */
    synchronized void send(ByteBuffer source, long bufferAddress, int kind) {
        int end = source.limit();
        for (long to = bufferAddress; source.position() < end; to += pinned.limit()) {
            pinned.clear().limit(Math.min(BYTES, end - source.position()));
            source.limit(source.position() + pinned.limit());
            pinned.put(source);
            source.limit(end);
            stream.copyFromHost(pinnedAddress, buffer.set(to), pinned.limit(), kind);
            stream.synchronize();
        }
    }

    /** Fills {@code destination}'s remaining bytes. */
    synchronized void receive(long bufferAddress, ByteBuffer destination, int kind) {
        for (long from = bufferAddress; destination.hasRemaining(); from += pinned.limit()) {
            pinned.clear().limit(Math.min(BYTES, destination.remaining()));
            stream.copyToHost(buffer.set(from), pinnedAddress, pinned.limit(), kind);
            stream.synchronize();
            destination.put(pinned);
        }
    }
}

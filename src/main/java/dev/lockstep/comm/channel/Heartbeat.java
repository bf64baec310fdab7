package dev.lockstep.comm.channel;

import dev.lockstep.comm.CollectiveState;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Where a rank is.
 *
 * @param epoch 0 before training
 * @param step  the last that is done
 */
record Heartbeat(int epoch, long step, CollectiveState collective) {
    static final Heartbeat NONE = new Heartbeat(0, 0, CollectiveState.NONE);

    private static final int FIXED_BYTES = Integer.BYTES + 3 * Long.BYTES + 1;
    /** Names of operations are shorter, unless layers have thousands of digits. */
    private static final int LARGEST_NAME_BYTES = 256;
    static final int LARGEST_BYTES = FIXED_BYTES + LARGEST_NAME_BYTES;
    static final int SMALLEST_BYTES = FIXED_BYTES;

    byte[] toBytes() {
        byte[] name = collective.operation().getBytes(StandardCharsets.UTF_8);
        int nameBytes = Math.min(name.length, LARGEST_NAME_BYTES);
        return ByteBuffer.allocate(FIXED_BYTES + nameBytes).putInt(epoch).putLong(step).putLong(collective.number())
                .putLong(collective.nanos()).put((byte) (collective.limited() ? 1 : 0)).put(name, 0, nameBytes).array();
    }

    /** @throws BufferUnderflowException for fewer than {@link #SMALLEST_BYTES} */
    static Heartbeat of(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        int epoch = buffer.getInt();
        long step = buffer.getLong();
        long number = buffer.getLong();
        long nanos = buffer.getLong();
        boolean limited = buffer.get() != 0;
        return new Heartbeat(epoch, step,
                new CollectiveState(number, StandardCharsets.UTF_8.decode(buffer).toString(), limited, nanos));
    }
}

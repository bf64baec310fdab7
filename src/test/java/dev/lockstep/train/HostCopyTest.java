package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.reference.ReferenceDevice;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HostCopyTest {
    /** In pieces of 3 elements: every range, within one piece and over several. */
    @Test
    void shouldGiveEveryRangeAsItWasTaken() {
        try (Device device = new ReferenceDevice()) {
            DeviceBuffer source = device.allocate(DataType.FLOAT32, 10);
            HostCopy copy = new HostCopy(device, source, 3 * Float.BYTES);
            Buffers.write(source, IntStream.range(0, 10).asDoubleStream().toArray());
            copy.take();
            Buffers.write(source, new double[10]);
            for (int first = 0; first <= 10; first++) {
                for (int count = 0; first + count <= 10; count++) {
                    List<ByteBuffer> range = copy.range(first, count);
                    List<Float> values = new ArrayList<>();
                    for (ByteBuffer piece : range) {
                        assertEquals(0, piece.position());
                        while (piece.hasRemaining()) {
                            values.add(piece.getFloat());
                        }
                    }
                    assertArrayEquals(IntStream.range(first, first + count).mapToObj(i -> (float) i).toArray(),
                            values.toArray());
                }
            }
        }
    }
}

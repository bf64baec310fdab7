package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What only this backend has: memory on both sides of the bus, real streams, graphs across threads. */
@Timeout(60)
class CudaDeviceTest {
    private static final int COUNT = 1000;

    private CudaDevice device;
    private ByteBuffer host;

    @BeforeEach
    void open() {
        device = CudaDeviceOrSkip.openOrSkip();
        host = device.allocateHost(COUNT * Integer.BYTES);
    }

    @AfterEach
    void close() {
        if (device != null) {
            device.close();
        }
    }

    @Test
    void shouldNameTheGpuAndWhatRunsIt() {
        assertTrue(device.description().matches(
                ".+ \\(CUDA [0-9]+\\.[0-9]+, driver [0-9]+\\.[0-9]+, cuBLASLt [0-9.]+, sm_[0-9]+\\)"), device.description());
        assertTrue(device.info().uuid().matches("GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), device.info().uuid());
        assertTrue(device.info().pciBusId().matches("[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\\.0"), device.info().pciBusId());
        assertTrue(device.memory().freeBytes() <= device.memory().totalBytes());
    }

    @Test
    void shouldCopyFromAndToJavaArraysOfAnySize() {
        int bytes = (9 << 20) + 3;
        byte[] source = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            source[i] = (byte) (i * 31 + (i >> 12));
        }
        DeviceBuffer buffer = device.allocate(DataType.UINT8, bytes);
        buffer.copyFromHost(ByteBuffer.wrap(source).asReadOnlyBuffer());
        byte[] result = new byte[bytes + 2];
        ByteBuffer destination = ByteBuffer.wrap(result, 1, bytes);
        buffer.copyToHost(destination);
        assertFalse(destination.hasRemaining());
        for (int i = 0; i < bytes; i++) {
            assertEquals(source[i], result[i + 1]);
        }
        assertEquals(0, result[0]);
        assertEquals(0, result[bytes + 1]);
    }

    @Test
    void shouldRefuseCopiesOnAStreamThatTheGpuCannotMakeByItself() {
        DeviceBuffer buffer = device.allocate(DataType.INT32, COUNT);
        Stream stream = device.computeStream();
        ByteBuffer array = ByteBuffer.allocate(COUNT * Integer.BYTES);
        ByteBuffer direct = ByteBuffer.allocateDirect(COUNT * Integer.BYTES);
        for (ByteBuffer other : new ByteBuffer[] {array, direct}) {
            assertThrows(IllegalArgumentException.class, () -> buffer.copyFromHost(other, stream));
            assertThrows(IllegalArgumentException.class, () -> buffer.copyToHost(other, stream));
        }
        assertThrows(ReadOnlyBufferException.class, () -> buffer.copyToHost(host.asReadOnlyBuffer(), stream));
        assertThrows(ReadOnlyBufferException.class, () -> buffer.copyToHost(direct.asReadOnlyBuffer()));
    }

    @Test
    void shouldCopySlicesOfPinnedMemory() {
        for (int i = 0; i < COUNT; i++) {
            host.putInt(i * Integer.BYTES, i);
        }
        DeviceBuffer buffer = device.allocate(DataType.INT32, COUNT);
        buffer.slice(10, 20).copyFromHost(host.slice(40, 80), device.computeStream());
        ByteBuffer back = device.allocateHost(12);
        buffer.slice(28, 3).copyToHost(back.duplicate(), device.computeStream());
        device.computeStream().synchronize();
        assertEquals(28, back.getInt(0));
        assertEquals(29, back.getInt(4));
        assertEquals(0, back.getInt(8));
    }

    @Test
    void shouldReadAndWriteDataThatLiesOnTheHostsSide() {
        long before = device.allocatedBytes();
        DeviceBuffer data = device.allocateOnHost(DataType.INT32, COUNT);
        assertEquals(before, device.allocatedBytes());
        assertEquals(COUNT, data.elementCount());
        assertArrayEquals(new double[COUNT], Buffers.read(data));
        Buffers.write(data.slice(3, 2), 7, 8);
        assertArrayEquals(new double[] {0, 7, 8, 0}, Buffers.read(data.slice(2, 4)));
        host.putInt(0, 9);
        data.slice(3, 1).copyFromHost(host.slice(0, 4), device.computeStream());
        assertArrayEquals(new double[] {9, 8}, Buffers.read(data.slice(3, 2)));
    }

    @Test
    void shouldCopyFromAndToMemoryOfOthers() {
        int[] givenBack = new int[1];
        ByteBuffer whole = ByteBuffer.allocateDirect(3 * 4096).order(ByteOrder.nativeOrder());
        ByteBuffer others = whole.alignedSlice(4096).slice(0, 2 * 4096).order(ByteOrder.nativeOrder());
        DeviceBuffer buffer = device.allocate(DataType.INT32, 4);
        Stream stream = device.computeStream();
        assertThrows(IllegalArgumentException.class, () -> buffer.copyFromHost(others.slice(64, 16), stream));
        assertTrue(device.takesHostMemory());
        assertEquals(Optional.empty(), device.register(Address.of(others), others.capacity(), () -> givenBack[0]++), "the GPU has its own");
        others.putInt(68, 7);
        buffer.copyFromHost(others.slice(64, 16), stream);
        buffer.copyToHost(others.slice(8000, 16), stream);
        stream.synchronize();
        assertEquals(7, others.getInt(8004));
        assertThrows(IllegalArgumentException.class, () -> buffer.copyToHost(whole.slice(3 * 4096 - 16, 16), stream));
        assertEquals(0, givenBack[0]);
        device.close();
        assertEquals(1, givenBack[0]);
        device = CudaDeviceOrSkip.openOrSkip();
        device.register(Address.of(others), others.capacity(), () -> givenBack[0]++);
    }

    @Test
    void shouldOrderTwoStreamsByEventsAlone() {
        DeviceBuffer buffer = device.allocate(DataType.INT32, COUNT);
        ByteBuffer result = device.allocateHost(COUNT * Integer.BYTES);
        Stream other = device.newStream();
        Event sent = device.newEvent();
        Event fetched = device.newEvent();
        for (int repeat = 1; repeat <= 5; repeat++) {
            device.computeStream().waitFor(fetched);
            fetched.synchronize();
            host.putInt(0, repeat);
            buffer.copyFromHost(host.clear(), device.computeStream());
            sent.record(device.computeStream());
            other.waitFor(sent);
            buffer.copyToHost(result.clear(), other);
            fetched.record(other);
            fetched.synchronize();
            assertEquals(repeat, result.getInt(0));
        }
    }

    /** As chunks of gradients are: the training thread launches, the communication thread waits for the event inside. */
    @Test
    void shouldRecordAGraphsEventsAnewAtEachLaunchForOtherThreads() throws Exception {
        DeviceBuffer buffer = device.allocate(DataType.INT32, COUNT);
        ByteBuffer result = device.allocateHost(COUNT * Integer.BYTES);
        Event written = device.newEvent();
        Event taken = device.newEvent();
        Stream copies = device.newStream();
        Operation graph = device.graph(stream -> {
            buffer.copyFromHost(host.clear(), stream);
            written.record(stream);
        });
        Operation outer = device.graph(graph);
        written.synchronize();
        for (int repeat = 1; repeat <= 6; repeat++) {
            host.putInt(0, repeat);
            device.computeStream().waitFor(taken);
            (repeat % 2 == 0 ? outer : graph).enqueue(device.computeStream());
            CompletableFuture.runAsync(() -> {
                copies.waitFor(written);
                buffer.copyToHost(result.clear(), copies);
                copies.synchronize();
                taken.record(copies);
            }).get(30, TimeUnit.SECONDS);
            assertEquals(repeat, result.getInt(0));
        }
    }

    @Test
    void shouldLeaveNothingCapturedByWorkThatFails() {
        DeviceBuffer buffer = device.allocate(DataType.INT32, COUNT);
        Event event = device.newEvent();
        IllegalStateException thrown = assertThrows(IllegalStateException.class, () -> device.graph(stream -> {
            buffer.copyFromHost(host.clear(), stream);
            stream.waitFor(event);
        }));
        assertEquals("a graph cannot wait for an event: wait before it is enqueued", thrown.getMessage());
        assertThrows(CudaException.class, () -> device.graph(stream -> device.allocate(DataType.INT32, 1)));

        host.putInt(0, 5);
        Operation graph = device.graph(stream -> buffer.copyFromHost(host.clear(), stream));
        assertEquals(0, Buffers.read(buffer)[0]);
        graph.enqueue(device.computeStream());
        assertEquals(5, Buffers.read(buffer)[0]);
    }

    @Test
    void shouldRefuseWhatBelongsToAnotherBackend() {
        Event event = new Event() {
            @Override
            public void record(Stream stream) {
                throw new UnsupportedOperationException();
            }

            @Override
            public void synchronize() {
                throw new UnsupportedOperationException();
            }
        };
        assertThrows(IllegalArgumentException.class, () -> device.computeStream().waitFor(event));
    }

    @Test
    void shouldAllocateNothingFromStepToStep() {
        DeviceBuffer buffer = device.allocate(DataType.INT32, COUNT);
        ByteBuffer result = device.allocateHost(COUNT * Integer.BYTES);
        Stream copies = device.newStream();
        Event written = device.newEvent();
        Event taken = device.newEvent();
        Operation graph = device.graph(stream -> buffer.copyFromHost(host.clear(), stream));
        Runnable step = () -> {
            device.computeStream().waitFor(taken);
            graph.enqueue(device.computeStream());
            written.record(device.computeStream());
            copies.waitFor(written);
            result.clear();
            buffer.copyToHost(result, copies);
            copies.synchronize();
            taken.record(copies);
        };
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long own = Thread.currentThread().getId();
        // The first round warms up; the JVM itself may allocate in a round, but hardly in all.
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            long before = threads.getThreadAllocatedBytes(own);
            repeat(step, 1000);
            least = Math.min(least, threads.getThreadAllocatedBytes(own) - before);
        }
        assertEquals(0, least);
    }

    private static void repeat(Runnable step, int count) {
        for (int i = 0; i < count; i++) {
            step.run();
        }
    }

    @Test
    void shouldFreeItsMemoryOnceWhenItIsClosed() {
        long free = device.memory().freeBytes();
        CudaDevice second = CudaDeviceOrSkip.openOrSkip();
        second.allocate(DataType.FLOAT32, 32 << 20);
        second.allocateHost(1 << 20);
        second.graph(stream -> { });
        assertTrue(device.memory().freeBytes() <= free - (128L << 20));
        second.close();
        second.close();
        assertEquals(0, second.allocatedBytes());
        assertThrows(IllegalStateException.class, () -> second.allocate(DataType.INT32, 1));
        assertThrows(IllegalStateException.class, second::newStream);
        // Less than any of what it held; the driver keeps some of its own for the next time.
        assertTrue(device.memory().freeBytes() >= free - (16L << 20));
    }
}

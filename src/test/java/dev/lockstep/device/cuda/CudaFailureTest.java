package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.Operation;
import dev.lockstep.device.OutOfDeviceMemoryException;
import dev.lockstep.device.Stream;
import dev.lockstep.device.cuda.standin.CudaStandIn;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever fails says in one line which GPU, which call, and why; nothing takes the JVM down. */
@Timeout(60)
class CudaFailureTest {
    private CudaDevice device;

    @BeforeEach
    void open() {
        device = CudaDeviceOrSkip.openOrSkip();
    }

    @AfterEach
    void close() {
        if (device != null) {
            if (CudaStandIn.isChosen()) {
                CudaStandIn.reset();
            }
            device.close();
        }
    }

    @Test
    void shouldSayWhatWasAskedForAndWhatIsLeft() {
        DeviceBuffer before = Buffers.floats(device, 1, 2);
        String message = assertThrows(OutOfDeviceMemoryException.class,
                () -> device.allocate(DataType.UINT8, 1L << 50)).getMessage();
        assertTrue(message.matches("not enough memory on GPU 0 \\(.+\\): 1048576.00 GiB were asked for, and [0-9.]+ [GM]iB of"
                + " [0-9.]+ GiB are free, beside the 32.0 MiB of this rank; make .+"), message);
        assertArrayEquals(new double[] {1, 2}, Buffers.read(before));
        assertEquals(2, device.allocate(DataType.FLOAT32, 2).elementCount());
    }

    @Test
    void shouldNameTheCallThatFailsAndGoOnAfterIt() {
        fail("cudaEventRecord:1=801,cudaMemcpyAsync:1=1,cudaMalloc:1=801");
        Event event = device.newEvent();
        CudaException record = assertThrows(CudaException.class, () -> event.record(device.computeStream()));
        assertEquals(device.info().label() + ": cudaEventRecord failed with cudaErrorNotSupported (801): "
                + Cuda.describe(801).split(": ", 2)[1], record.getMessage());
        assertFalse(record.isDeviceLost());
        event.record(device.computeStream());
        event.synchronize();

        String malloc = assertThrows(CudaException.class, () -> device.allocate(DataType.INT32, 25)).getMessage();
        assertTrue(malloc.contains(": cudaMalloc of 100 bytes failed with "), malloc);
        DeviceBuffer buffer = device.allocate(DataType.INT32, 25);
        String copy = assertThrows(CudaException.class, () -> Buffers.read(buffer)).getMessage();
        assertTrue(copy.contains(": cudaMemcpyAsync from the GPU of 100 bytes failed with "), copy);
        assertArrayEquals(new double[25], Buffers.read(buffer));
    }

    @Test
    void shouldSayThatPageLockedMemoryIsShort() {
        fail("cudaMallocHost:1=2");
        String message = assertThrows(OutOfDeviceMemoryException.class, () -> device.allocateHost(1 << 20)).getMessage();
        assertTrue(message.startsWith("not enough memory on the host: 1048576 bytes of page-locked memory"), message);
        assertEquals(1, message.lines().count());
        assertEquals(8, device.allocateHost(8).remaining());
    }

    @Test
    void shouldSayThatMemoryOfOthersCannotBeLocked() {
        ByteBuffer others = ByteBuffer.allocateDirect(4096);
        fail("cudaHostRegister:1=2");
        String message = assertThrows(OutOfDeviceMemoryException.class, () -> device.register(Address.of(others), 4096, () -> { }))
                .getMessage();
        assertTrue(message.startsWith("not enough memory on the host: 4096 bytes that the ranks share"), message);
        assertTrue(message.endsWith("or set distributed.shared-memory to false"), message);
        assertEquals(1, message.lines().count());
        assertEquals(Optional.empty(), device.register(Address.of(others), 4096, () -> { }));
    }

    @Test
    void shouldSayThatALostGpuEndsTheRun() {
        Operation update = update();
        Stream stream = device.computeStream();
        standIn();
        CudaStandIn.set("LOST_AFTER_LAUNCHES", "2");
        CudaException lost = assertThrows(CudaException.class, () -> {
            for (int i = 0; i < 10; i++) {
                update.enqueue(stream);
                stream.synchronize();
            }
        });
        assertTrue(lost.isDeviceLost(), lost.getMessage());
        assertTrue(lost.getMessage().startsWith(device.info().label() + " is lost: "), lost.getMessage());
        assertTrue(lost.getMessage().contains("cudaErrorLaunchFailure (719)"), lost.getMessage());
        assertTrue(lost.getMessage().contains("; this run cannot go on, start again from its last checkpoint"),
                lost.getMessage());
        assertEquals(1, lost.getMessage().lines().count());
        // It stays lost, for every call, and closing says so and does not throw.
        assertTrue(assertThrows(CudaException.class, stream::synchronize).isDeviceLost());
        assertTrue(assertThrows(CudaException.class, () -> device.allocate(DataType.INT32, 1)).isDeviceLost());
        device.close();
    }

    private Operation update() {
        DeviceBuffer parameter = Buffers.floats(device, 1, 2);
        DeviceBuffer gradient = Buffers.floats(device, 1, 1);
        return device.operations().sgd(parameter, gradient, null, Buffers.floats(device, 1, 0, 0, 0, 1), false, null);
    }

    @Test
    void shouldRefuseAGpuThatAnotherProcessHasForItself() {
        fail("cudaMemGetInfo:1=46");
        String message = assertThrows(InvalidInputException.class, () -> CudaDevices.memory(0)).getMessage();
        assertTrue(message.startsWith(device.info().label()
                + " cannot be used: cudaMemGetInfo failed with cudaErrorDevicesUnavailable (46): "), message);
        assertTrue(message.endsWith("; see nvidia-smi"), message);
    }

    @Test
    void shouldRefuseAGpuThatIsNotThere() {
        int count = CudaDevices.probe().devices().size();
        assertEquals("there is no GPU " + count + ": this process may use " + count,
                assertThrows(InvalidInputException.class, () -> CudaDevices.open(count, MatmulPrecision.FP32))
                        .getMessage());
    }

    @Test
    void shouldReportGraphsThatCannotBeMade() {
        fail("cudaGraphInstantiate:1=2,cudaGraphLaunch:1=801");
        Operation update = update();
        String noMemory = assertThrows(CudaException.class, () -> device.graph(update)).getMessage();
        assertTrue(noMemory.matches(".*: cudaGraphInstantiate failed with cudaErrorMemoryAllocation \\(2\\): out of memory;"
                + " [0-9.]+ [GM]iB of [0-9.]+ GiB are free"), noMemory);
        Operation graph = device.graph(update);
        String message = assertThrows(CudaException.class, () -> graph.enqueue(device.computeStream())).getMessage();
        assertTrue(message.contains(": cudaGraphLaunch failed with cudaErrorNotSupported (801): "), message);
        graph.enqueue(device.computeStream());
        device.computeStream().synchronize();
    }

    private static void fail(String calls) {
        standIn();
        CudaStandIn.set("FAIL", calls);
    }

    private static void standIn() {
        assumeTrue(CudaStandIn.isChosen(), "only the stand-in fails when it is told to");
        CudaStandIn.reset();
    }
}

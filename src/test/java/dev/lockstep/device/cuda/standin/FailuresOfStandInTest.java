package dev.lockstep.device.cuda.standin;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudart.CUuuid;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Devices, memory, and all that a test can make fail. */
@Timeout(60)
class FailuresOfStandInTest extends StandInContract {
    private static final long MIB = 1 << 20;

    @Test
    void shouldShowTheDevicesThatCudaVisibleDevicesNames() {
        CudaStandIn.set("DEVICES", "4");
        byte[] third = uuid(2);
        assertEquals(4, deviceCount());

        CudaStandIn.set("VISIBLE_DEVICES", "2,0");
        assertEquals(2, deviceCount());
        assertArrayEquals(third, uuid(0));

        CudaStandIn.set("VISIBLE_DEVICES", "GPU-" + hex(third).substring(0, 6) + ",9,1");
        assertEquals(1, deviceCount());
        assertArrayEquals(third, uuid(0));

        CudaStandIn.set("VISIBLE_DEVICES", "");
        assertError("cudaErrorNoDevice", cudart.cudaGetDeviceCount(new int[1]));
    }

    @Test
    void shouldGiveEachDeviceAPciAddressAndUuidOfItsOwn() {
        String first = pciBusId(0);

        assertTrue(first.matches("[0-9A-F]{4}:[0-9A-F]{2}:[0-9A-F]{2}\\.0"), first);
        assertNotEquals(first, pciBusId(1));
        assertNotEquals(hex(uuid(0)), hex(uuid(1)));
    }

    @Test
    void shouldReportADriverThatIsTooOld() {
        CudaStandIn.set("DRIVER_VERSION", "12080");
        int[] version = new int[1];
        check(cudart.cudaDriverGetVersion(version));
        assertEquals(12080, version[0]);
        assertError("cudaErrorInsufficientDriver", cudart.cudaGetDeviceCount(new int[1]));
    }

    @Test
    void shouldRunOutOfDeviceMemory() {
        long usedBytes = CudaStandIn.usedBytes(0);  // by other tests in this JVM, which lost their device
        long totalMib = usedBytes / MIB + 4;
        CudaStandIn.set("MEMORY_MIB", Long.toString(totalMib));
        SizeTPointer free = new SizeTPointer(1);
        SizeTPointer total = new SizeTPointer(1);

        device(2 * MIB / Float.BYTES);
        check(cudart.cudaMemGetInfo(free, total));

        assertEquals(totalMib * MIB, total.get());
        assertEquals((totalMib - 2) * MIB - usedBytes, free.get());
        assertError("cudaErrorMemoryAllocation", cudart.cudaMalloc(new FloatPointer(), free.get() + 1));
        assertError("cudaErrorMemoryAllocation", cudart.cudaGetLastError());
        assertError("cudaSuccess", cudart.cudaGetLastError());
        check(cudart.cudaSetDevice(1));
        device(2 * MIB / Float.BYTES);
    }

    @Test
    void shouldFillFreshMemoryWithNaN() {
        for (float value : values(device(5))) {
            assertTrue(Float.isNaN(value));
        }
    }

    @Test
    void shouldRefuseCopiesThatLeaveAnAllocationOrGoTheWrongWay() {
        FloatPointer device = device(10);
        FloatPointer host = new FloatPointer(20);
        CUstream_st stream = stream();

        assertInvalid(device, host, 44, cudart.cudaMemcpyHostToDevice, stream);
        assertInvalid(device, host, 40, cudart.cudaMemcpyDeviceToHost, stream);
        assertInvalid(host, device, 40, cudart.cudaMemcpyHostToDevice, stream);
        assertInvalid(device, pinned(10), 40, cudart.cudaMemcpyDeviceToDevice, stream);
        assertError("cudaErrorInvalidValue", cudart.cudaMemsetAsync(device, 0, 41, stream));
        assertError("cudaErrorInvalidValue", cudart.cudaFreeHost(device));
        assertError("cudaErrorInvalidResourceHandle", cudart.cudaStreamSynchronize(new CUstream_st(host)));
        assertError("cudaErrorInvalidResourceHandle", cudart.cudaEventSynchronize(new CUevent_st(host)));
    }

    @Test
    void shouldFailTheCallsThatATestNames() {
        CudaStandIn.set("FAIL", "cudaMalloc:2=2,cudaEventCreateWithFlags=999");
        device(1);
        assertError("cudaErrorMemoryAllocation", cudart.cudaMalloc(new FloatPointer(), 4));
        device(1);
        assertEquals(3, CudaStandIn.calls("cudaMalloc"));
        assertError("cudaErrorUnknown", cudart.cudaEventCreateWithFlags(new CUevent_st(), 0));
        assertError("cudaErrorUnknown", cudart.cudaEventCreateWithFlags(new CUevent_st(), 0));
    }

    @Test
    void shouldLoseTheDeviceForGood() {
        FloatPointer device = device(1);
        CUstream_st stream = stream();
        CudaStandIn.set("FAIL", "cudaMemsetAsync=46");
        assertError("cudaErrorDevicesUnavailable", cudart.cudaMemsetAsync(device, 0, 4, stream));
        CudaStandIn.set("LOST_AFTER_LAUNCHES", "0");
        CudaStandIn.set("LOST_CODE", "46");
        try (GraphOfStandIn graph = new GraphOfStandIn(stream, () -> { })) {
            cudart.cudaGraphLaunch(graph.exec(), stream);
        }
        assertError("cudaErrorDevicesUnavailable", cudart.cudaStreamSynchronize(stream));
        assertError("cudaErrorDevicesUnavailable", cudart.cudaMemGetInfo(new SizeTPointer(1), new SizeTPointer(1)));
        assertError("cudaErrorDevicesUnavailable", cudart.cudaGetLastError());
        assertError("cudaErrorDevicesUnavailable", cudart.cudaGetLastError());
    }

    @Test
    void shouldWaitForWorkBeforeMemoryIsFreed() {
        CUstream_st stream = stream();
        FloatPointer memory = new FloatPointer();
        check(cudart.cudaMalloc(memory, MIB));
        FloatPointer result = pinned(10, -1);
        check(cudart.cudaMemsetAsync(memory, 0, MIB, stream));
        check(cudart.cudaMemcpyAsync(result, memory, 40, cudart.cudaMemcpyDeviceToHost, stream));

        check(cudart.cudaFree(memory));

        assertEquals(0, result.get(0));
    }

    private static void assertInvalid(Pointer to, Pointer from, long bytes, int direction, CUstream_st stream) {
        assertError("cudaErrorInvalidValue", cudart.cudaMemcpyAsync(to, from, bytes, direction, stream));
    }

    private static int deviceCount() {
        int[] count = new int[1];
        check(cudart.cudaGetDeviceCount(count));
        return count[0];
    }

    private static String pciBusId(int device) {
        byte[] text = new byte[32];
        check(cudart.cudaDeviceGetPCIBusId(text, text.length, device));
        return new String(text, StandardCharsets.US_ASCII).split("\0", 2)[0];
    }

    private static byte[] uuid(int device) {
        CUuuid uuid = new CUuuid();
        check(cudart.cuDeviceGetUuid(uuid, device));
        byte[] bytes = new byte[16];
        new BytePointer(uuid).capacity(16).get(bytes);
        return bytes;
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte value : Arrays.copyOf(bytes, 4)) {
            text.append(String.format("%02x", value));
        }
        return text.toString();
    }
}

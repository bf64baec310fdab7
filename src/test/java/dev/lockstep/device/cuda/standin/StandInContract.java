package dev.lockstep.device.cuda.standin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayDeque;
import java.util.Deque;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** What the stand-in's own tests share: memory, streams and events that are gone after each test. */
abstract class StandInContract {
    private final Deque<Runnable> cleanUp = new ArrayDeque<>();

    @BeforeAll
    static void loadStandIn() {
        assumeTrue(CudaStandIn.isChosen(), "CUDA_HOME is not the stand-in");
        CudaStandIn.load();
    }

    @BeforeEach
    void resetStandIn() {
        CudaStandIn.reset();
        check(cudart.cuInit(0));
        check(cudart.cudaSetDevice(0));
        cudart.cudaGetLastError();
    }

    @AfterEach
    void releaseAll() {
        CudaStandIn.reset();
        cleanUp.forEach(Runnable::run);
    }

    static void check(int code) {
        assertEquals("cudaSuccess", cudart.cudaGetErrorName(code).getString());
    }

    final void atEnd(Runnable release) {
        cleanUp.push(release);
    }

    final FloatPointer device(long count) {
        FloatPointer pointer = new FloatPointer();
        check(cudart.cudaMalloc(pointer, count * Float.BYTES));
        atEnd(() -> cudart.cudaFree(pointer));
        return pointer.capacity(count);
    }

    final FloatPointer pinned(long count) {
        FloatPointer pointer = new FloatPointer();
        check(cudart.cudaMallocHost(pointer, count * Float.BYTES));
        atEnd(() -> cudart.cudaFreeHost(pointer));
        return pointer.capacity(count);
    }

    final CUstream_st stream() {
        CUstream_st stream = new CUstream_st();
        check(cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking));
        atEnd(() -> cudart.cudaStreamDestroy(stream));
        return stream;
    }

    final CUevent_st event() {
        CUevent_st event = new CUevent_st();
        check(cudart.cudaEventCreateWithFlags(event, cudart.cudaEventDisableTiming));
        atEnd(() -> cudart.cudaEventDestroy(event));
        return event;
    }

    /** Pinned memory that holds one value throughout. */
    final FloatPointer pinned(long count, float value) {
        FloatPointer pointer = pinned(count);
        fill(pointer, value);
        return pointer;
    }

    static void fill(FloatPointer pointer, float value) {
        for (long i = 0; i < pointer.capacity(); i++) {
            pointer.put(i, value);
        }
    }

    static void copyToDevice(FloatPointer device, FloatPointer host, CUstream_st stream) {
        check(cudart.cudaMemcpyAsync(device, host, host.capacity() * Float.BYTES, cudart.cudaMemcpyHostToDevice,
                stream));
    }

    static void copyToHost(FloatPointer host, FloatPointer device, CUstream_st stream) {
        check(cudart.cudaMemcpyAsync(host, device, host.capacity() * Float.BYTES, cudart.cudaMemcpyDeviceToHost,
                stream));
    }

    static void synchronize(CUstream_st stream) {
        check(cudart.cudaStreamSynchronize(stream));
    }

    /** Device memory that holds these values now. */
    final FloatPointer device(float... values) {
        FloatPointer device = device(values.length);
        FloatPointer host = new FloatPointer(values);
        check(cudart.cudaMemcpy(device, host, values.length * (long) Float.BYTES, cudart.cudaMemcpyHostToDevice));
        return device;
    }

    /** What lies in device memory now, whatever is still to run. */
    static float[] values(FloatPointer device) {
        float[] values = new float[(int) device.capacity()];
        FloatPointer host = new FloatPointer(values.length);
        check(cudart.cudaMemcpy(host, device, values.length * (long) Float.BYTES, cudart.cudaMemcpyDeviceToHost));
        host.get(values);
        return values;
    }

    static void assertError(String name, int code) {
        assertEquals(name, cudart.cudaGetErrorName(code).getString());
    }
}

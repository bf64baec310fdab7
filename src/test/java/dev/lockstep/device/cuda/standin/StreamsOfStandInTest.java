package dev.lockstep.device.cuda.standin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Work on streams runs later: what nobody has waited for has not happened. */
@Timeout(60)
class StreamsOfStandInTest extends StandInContract {
    private static final int COUNT = 1000;

    @Test
    void shouldRunNothingBeforeTheStreamIsSynchronized() {
        CUstream_st stream = stream();
        FloatPointer device = device(COUNT);
        FloatPointer result = pinned(COUNT, -1);
        copyToDevice(device, pinned(COUNT, 3), stream);
        copyToHost(result, device, stream);

        assertEquals(-1, result.get(COUNT - 1));
        synchronize(stream);
        assertEquals(3, result.get(COUNT - 1));
    }

    @Test
    void shouldReadPinnedMemoryWhenTheCopyRunsAndPageableMemoryAtOnce() {
        CUstream_st stream = stream();
        FloatPointer pinned = pinned(COUNT, 1);
        FloatPointer pageable = new FloatPointer(COUNT);
        fill(pageable, 1);
        FloatPointer fromPinned = device(COUNT);
        FloatPointer fromPageable = device(COUNT);
        copyToDevice(fromPinned, pinned, stream);
        copyToDevice(fromPageable, pageable, stream);
        fill(pinned, 2);
        fill(pageable, 2);
        synchronize(stream);

        assertEquals(2, values(fromPinned)[0]);
        assertEquals(1, values(fromPageable)[0]);
    }

    @Test
    void shouldOrderStreamsOnlyByEvents() {
        CUstream_st first = stream();
        CUstream_st second = stream();
        CUevent_st event = event();
        FloatPointer device = device(COUNT);
        FloatPointer unordered = pinned(COUNT, -1);
        FloatPointer ordered = pinned(COUNT, -1);
        check(cudart.cudaMemsetAsync(device, 0, COUNT * (long) Float.BYTES, first));
        check(cudart.cudaEventRecord(event, first));

        copyToHost(unordered, device, second);
        synchronize(second);
        check(cudart.cudaStreamWaitEvent(second, event, 0));
        copyToHost(ordered, device, second);
        synchronize(second);

        assertTrue(Float.isNaN(unordered.get(0)), "without a wait, the memory is as it was allocated");
        assertEquals(0, ordered.get(0));
    }

    @Test
    void shouldWaitForTheRecordingThatWasTheLastOneWhenAsked() {
        CUstream_st writing = stream();
        CUstream_st reading = stream();
        CUevent_st event = event();
        FloatPointer device = device(COUNT);
        FloatPointer result = pinned(COUNT, -1);
        copyToDevice(device, pinned(COUNT, 1), writing);
        check(cudart.cudaEventRecord(event, writing));
        check(cudart.cudaStreamWaitEvent(reading, event, 0));
        copyToHost(result, device, reading);
        copyToDevice(device, pinned(COUNT, 2), writing);
        check(cudart.cudaEventRecord(event, writing));

        synchronize(reading);

        assertEquals(1, result.get(0));
    }

    @Test
    void shouldNotWaitForAnEventThatWasNeverRecorded() {
        CUstream_st stream = stream();
        CUevent_st event = event();

        check(cudart.cudaStreamWaitEvent(stream, event, 0));
        check(cudart.cudaEventSynchronize(event));
        synchronize(stream);
    }

    @Test
    void shouldRunOnlyWhatLiesBeforeASynchronizedEvent() {
        CUstream_st stream = stream();
        CUevent_st event = event();
        FloatPointer before = device(COUNT);
        FloatPointer after = device(COUNT);
        check(cudart.cudaMemsetAsync(before, 0, COUNT * (long) Float.BYTES, stream));
        check(cudart.cudaEventRecord(event, stream));
        check(cudart.cudaMemsetAsync(after, 0, COUNT * (long) Float.BYTES, stream));

        check(cudart.cudaEventSynchronize(event));

        assertEquals(0, values(before)[0]);
        assertTrue(Float.isNaN(values(after)[0]));
    }

    @Test
    void shouldRunByItselfInAsyncMode() {
        CudaStandIn.set("MODE", "async");
        CUstream_st stream = stream();
        FloatPointer result = pinned(COUNT, -1);
        copyToHost(result, device(7, 8), stream, 2);

        while (result.get(1) != 8) {
            Thread.onSpinWait();
        }
        synchronize(stream);
        assertEquals(7, result.get(0));
    }

    @Test
    void shouldKeepTheOrderThatEventsGiveInAsyncMode() {
        CudaStandIn.set("MODE", "async");
        CUstream_st first = stream();
        CUstream_st second = stream();
        CUevent_st written = event();
        CUevent_st read = event();
        FloatPointer source = pinned(COUNT);
        FloatPointer device = device(COUNT);
        FloatPointer result = pinned(COUNT, -1);
        for (int i = 0; i < 200; i++) {
            fill(source, i);
            copyToDevice(device, source, first);
            check(cudart.cudaEventRecord(written, first));
            check(cudart.cudaStreamWaitEvent(second, written, 0));
            copyToHost(result, device, second);
            check(cudart.cudaEventRecord(read, second));
            check(cudart.cudaStreamWaitEvent(first, read, 0));
            check(cudart.cudaMemsetAsync(device, 0, COUNT * (long) Float.BYTES, first));
            synchronize(first);
            assertEquals(i, result.get(COUNT - 1));
        }
    }

    @Test
    void shouldMeasureTheTimeBetweenEventsThatHaveTiming() {
        CUstream_st stream = stream();
        CUevent_st start = timingEvent();
        CUevent_st end = timingEvent();
        check(cudart.cudaEventRecord(start, stream));
        check(cudart.cudaMemsetAsync(device(COUNT), 0, COUNT, stream));
        check(cudart.cudaEventRecord(end, stream));
        float[] milliseconds = {-1};

        assertError("cudaErrorNotReady", cudart.cudaEventElapsedTime(milliseconds, start, end));
        synchronize(stream);
        check(cudart.cudaEventElapsedTime(milliseconds, start, end));
        assertTrue(milliseconds[0] >= 0);
        assertError("cudaErrorInvalidResourceHandle", cudart.cudaEventElapsedTime(milliseconds, start, event()));
    }

    private CUevent_st timingEvent() {
        CUevent_st event = new CUevent_st();
        check(cudart.cudaEventCreateWithFlags(event, cudart.cudaEventDefault));
        atEnd(() -> cudart.cudaEventDestroy(event));
        return event;
    }

    private static void copyToHost(FloatPointer host, FloatPointer device, CUstream_st stream, long count) {
        check(cudart.cudaMemcpyAsync(host, device, count * Float.BYTES, cudart.cudaMemcpyDeviceToHost, stream));
    }
}

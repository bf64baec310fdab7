package dev.lockstep.device.cuda.standin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CompletableFuture;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Capture and replay. */
@Timeout(60)
class GraphsOfStandInTest extends StandInContract {
    private static final int COUNT = 100;

    @Test
    void shouldReplayWhatWasCapturedAndReadItsSourceAnew() {
        CUstream_st stream = stream();
        FloatPointer source = pinned(COUNT, 1);
        FloatPointer device = device(COUNT);
        FloatPointer result = pinned(COUNT, -1);
        try (GraphOfStandIn graph = new GraphOfStandIn(stream, () -> {
            copyToDevice(device, source, stream);
            copyToHost(result, device, stream);
        })) {
            synchronize(stream);
            assertEquals(-1, result.get(0), "a capture runs nothing");
            for (int value = 2; value < 5; value++) {
                fill(source, value);
                graph.launch(stream);
                synchronize(stream);
                assertEquals(value, result.get(0));
            }
        }
    }

    @Test
    void shouldRecordAnExternalEventAtEachLaunch() {
        CUstream_st stream = stream();
        CUstream_st copies = stream();
        CUevent_st event = event();
        FloatPointer source = pinned(COUNT, 1);
        FloatPointer device = device(COUNT);
        FloatPointer rest = device(COUNT);
        FloatPointer result = pinned(COUNT, -1);
        try (GraphOfStandIn graph = new GraphOfStandIn(stream, () -> {
            copyToDevice(device, source, stream);
            check(cudart.cudaEventRecordWithFlags(event, stream, cudart.cudaEventRecordExternal));
            copyToDevice(rest, source, stream);
        })) {
            for (int value = 1; value < 4; value++) {
                fill(source, value);
                graph.launch(stream);
                check(cudart.cudaStreamWaitEvent(copies, event, 0));
                copyToHost(result, device, copies);
                synchronize(copies);
                assertEquals(value, result.get(0));
                float before = values(rest)[0];
                assertTrue(value == 1 ? Float.isNaN(before) : before == value - 1,
                        "what follows the event has not run");
                synchronize(stream);
            }
        }
    }

    @Test
    void shouldCaptureForksThatAreJoined() {
        CUstream_st stream = stream();
        CUstream_st fork = stream();
        CUevent_st forked = event();
        CUevent_st joined = event();
        FloatPointer source = pinned(COUNT, 6);
        FloatPointer device = device(COUNT);
        FloatPointer result = pinned(COUNT, -1);
        try (GraphOfStandIn graph = new GraphOfStandIn(stream, () -> {
            check(cudart.cudaEventRecord(forked, stream));
            check(cudart.cudaStreamWaitEvent(fork, forked, 0));
            copyToDevice(device, source, fork);
            check(cudart.cudaEventRecord(joined, fork));
            check(cudart.cudaStreamWaitEvent(stream, joined, 0));
            copyToHost(result, device, stream);
        })) {
            graph.launch(stream);
            synchronize(stream);
        }
        assertEquals(6, result.get(0));
        assertError("cudaErrorCapturedEvent", cudart.cudaEventSynchronize(joined));
    }

    @Test
    void shouldRunUnorderedBranchesInTheOrderThatSuitsLeast() {
        CUstream_st stream = stream();
        CUstream_st fork = stream();
        CUevent_st forked = event();
        CUevent_st joined = event();
        FloatPointer source = pinned(COUNT, 6);
        FloatPointer device = device(COUNT);
        FloatPointer result = pinned(COUNT, -1);
        try (GraphOfStandIn graph = new GraphOfStandIn(stream, () -> {
            check(cudart.cudaEventRecord(forked, stream));
            check(cudart.cudaStreamWaitEvent(fork, forked, 0));
            copyToDevice(device, source, fork);
            check(cudart.cudaEventRecord(joined, fork));
            copyToHost(result, device, stream);
            check(cudart.cudaStreamWaitEvent(stream, joined, 0));
            check(cudart.cudaMemsetAsync(device, 0, COUNT, stream));
        })) {
            graph.launch(stream);
            synchronize(stream);
        }
        assertTrue(Float.isNaN(result.get(0)), "the copy does not wait for the fork");
    }

    @Test
    void shouldRefuseAForkThatIsNotJoined() {
        CUstream_st stream = stream();
        CUstream_st fork = stream();
        CUevent_st forked = event();
        FloatPointer device = device(COUNT);
        GraphOfStandIn.begin(stream);
        check(cudart.cudaEventRecord(forked, stream));
        check(cudart.cudaStreamWaitEvent(fork, forked, 0));
        check(cudart.cudaMemsetAsync(device, 0, COUNT, fork));

        assertError("cudaErrorStreamCaptureUnjoined", cudart.cudaStreamEndCapture(stream, new CUgraph_st()));
    }

    @Test
    void shouldSpoilACaptureByACallThatItForbids() {
        CUstream_st stream = stream();
        FloatPointer device = device(COUNT);
        GraphOfStandIn.begin(stream);
        assertError("cudaErrorStreamCaptureUnsupported", cudart.cudaMalloc(new FloatPointer(), 4));
        assertError("cudaErrorStreamCaptureInvalidated", cudart.cudaMemsetAsync(device, 0, COUNT, stream));
        assertError("cudaErrorStreamCaptureInvalidated", cudart.cudaStreamEndCapture(stream, new CUgraph_st()));

        GraphOfStandIn.begin(stream);
        assertError("cudaErrorStreamCaptureUnsupported", cudart.cudaStreamSynchronize(stream));
        assertError("cudaErrorStreamCaptureInvalidated", cudart.cudaStreamEndCapture(stream, new CUgraph_st()));

        CUevent_st outside = event();
        check(cudart.cudaEventRecord(outside, stream));
        GraphOfStandIn.begin(stream);
        assertError("cudaErrorStreamCaptureIsolation", cudart.cudaStreamWaitEvent(stream, outside, 0));
        assertError("cudaErrorStreamCaptureInvalidated", cudart.cudaStreamEndCapture(stream, new CUgraph_st()));
    }

    @Test
    void shouldLetOtherThreadsGoOnDuringACapture() {
        CUstream_st stream = stream();
        CUstream_st copies = stream();
        FloatPointer device = device(COUNT);
        try (GraphOfStandIn graph = new GraphOfStandIn(stream, () -> {
            check(cudart.cudaMemsetAsync(device, 0, COUNT * (long) Float.BYTES, stream));
            CompletableFuture.runAsync(() -> {
                FloatPointer memory = new FloatPointer();
                check(cudart.cudaMalloc(memory, 4));
                check(cudart.cudaMemsetAsync(memory, 0, 4, copies));
                synchronize(copies);
                check(cudart.cudaFree(memory));
            }).join();
        })) {
            graph.launch(stream);
            synchronize(stream);
        }
        assertEquals(0, values(device)[0]);
    }
}

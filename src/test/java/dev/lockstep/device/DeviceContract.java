package dev.lockstep.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** What every backend's memory, streams and events must do, and which arguments its operations must refuse. */
@Timeout(60)
public abstract class DeviceContract {
    private Device device;
    private Operations operations;

    /** A device of the backend under test; the test closes it. */
    protected abstract Device newDevice();

    @BeforeEach
    void openDevice() {
        device = newDevice();
        operations = device.operations();
    }

    @AfterEach
    void closeDevice() {
        if (device != null) {  // null where there is no such device here: the test is skipped
            device.close();
        }
    }

    @Test
    void shouldDescribeItself() {
        assertFalse(device.description().isBlank());
    }

    @Test
    void shouldAllocateZeroedMemoryAndCountItsBytes() {
        for (DataType type : DataType.values()) {
            long before = device.allocatedBytes();
            DeviceBuffer buffer = device.allocate(type, 1001);
            assertEquals(type, buffer.type());
            assertEquals(1001, buffer.elementCount());
            assertEquals(1001L * type.bytes(), buffer.byteCount());
            assertArrayEquals(new double[1001], Buffers.read(buffer));
            assertTrue(device.allocatedBytes() >= before + buffer.byteCount(), type.name());
        }
    }

    @Test
    void shouldRefuseBuffersWithoutElements() {
        refuse(() -> device.allocate(DataType.FLOAT32, 0));
        refuse(() -> device.allocate(DataType.FLOAT32, -1));
    }

    @Test
    void shouldRefuseMoreMemoryThanThereIs() {
        assertThrows(OutOfDeviceMemoryException.class, () -> device.allocate(DataType.FLOAT64, 1L << 50));
    }

    @Test
    void shouldShareMemoryBetweenSlices() {
        DeviceBuffer whole = Buffers.floats(device, 0, 1, 2, 3, 4, 5, 6);
        DeviceBuffer middle = whole.slice(1, 5);
        Buffers.write(middle.slice(2, 1), 30);
        assertArrayEquals(new double[] {0, 1, 2, 30, 4, 5, 6}, Buffers.read(whole));
        assertArrayEquals(new double[] {1, 2, 30, 4, 5}, Buffers.read(middle));
    }

    @Test
    void shouldRefuseSlicesBeyondItsEnds() {
        DeviceBuffer slice = device.allocate(DataType.FLOAT32, 10).slice(2, 5);
        assertThrows(IndexOutOfBoundsException.class, () -> slice.slice(3, 3));
        assertThrows(IndexOutOfBoundsException.class, () -> slice.slice(-1, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> slice.slice(0, -1));
    }

    @Test
    void shouldCopyTheRemainingBytesOfTheHostsBuffer() {
        ByteBuffer host = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
        host.putInt(1).putInt(2).putInt(3).putInt(4);
        DeviceBuffer buffer = device.allocate(DataType.INT32, 2);
        buffer.copyFromHost(host.position(4).limit(12));
        assertArrayEquals(new double[] {2, 3}, Buffers.read(buffer));
        assertEquals(12, host.position());
        host.clear();
        buffer.copyToHost(host.position(8));
        assertEquals(16, host.position());
        assertEquals(2, host.getInt(8));
        assertEquals(3, host.getInt(12));
    }

    @Test
    void shouldCopyBetweenStreamsOnceAnEventIsReached() {
        ByteBuffer source = device.allocateHost(8);
        ByteBuffer destination = device.allocateHost(8);
        assertTrue(source.isDirect());
        assertEquals(ByteOrder.nativeOrder(), source.order());
        assertEquals(0, source.getLong(0));
        source.putInt(0, 2).putInt(4, 3);
        DeviceBuffer buffer = device.allocate(DataType.INT32, 2);
        Event written = device.newEvent();
        Stream other = device.newStream();
        buffer.copyFromHost(source.clear(), device.computeStream());
        assertEquals(8, source.position());
        written.record(device.computeStream());
        other.waitFor(written);
        buffer.copyToHost(destination.clear(), other);
        assertEquals(8, destination.position());
        other.synchronize();
        assertEquals(2, destination.getInt(0));
        assertEquals(3, destination.getInt(4));
    }

    /** Each update adds the first content once more: how often the work was done can be read from the result. */
    @Test
    void shouldRepeatTheWorkOfAGraphEachTimeThatItIsEnqueued() {
        DeviceBuffer parameter = Buffers.floats(device, 1, 3);
        DeviceBuffer gradient = Buffers.floats(device, -1, -3);
        DeviceBuffer numbers = Buffers.floats(device, 1, 0, 0, 0, 1);
        Event done = device.newEvent();
        Operation update = device.operations().sgd(parameter, gradient, null, numbers, false, null);
        Operation graph = device.graph(stream -> {
            update.enqueue(stream);
            done.record(stream);
        });
        assertArrayEquals(new double[] {1, 3}, Buffers.read(parameter));
        for (int repeat = 2; repeat <= 5; repeat++) {
            graph.enqueue(device.computeStream());
            done.synchronize();
            assertArrayEquals(new double[] {repeat, 3 * repeat}, Buffers.read(parameter));
        }
        Buffers.write(numbers, 0, 0, 0, 0, 1);
        graph.enqueue(device.computeStream());
        assertArrayEquals(new double[] {5, 15}, Buffers.read(parameter));
    }

    /** On its own and in a graph, which takes the time anew whenever it runs. */
    @Test
    void shouldTakeTheTimeBetweenOperationsOnTheHostsClock() {
        DeviceBuffer large = device.allocate(DataType.FLOAT32, 1 << 20);
        Timeline timeline = new Timeline(device);
        Operation first = timeline.timed(Timeline.Phase.FORWARD, "first", 3, device.operations().clear(large));
        Operation second = timeline.timed(Timeline.Phase.BACKWARD, "second", 0, device.operations().clear(large));
        Operation both = stream -> {
            second.enqueue(stream);
            first.enqueue(stream);
        };
        timeline.setOn(true);
        for (Operation work : List.of(both, device.graph(both))) {
            for (int repeat = 0; repeat < 3; repeat++) {
                device.synchronizeClock();
                long before = System.nanoTime();
                work.enqueue(device.computeStream());
                device.computeStream().synchronize();
                long after = System.nanoTime();
                List<Timeline.Span> spans = timeline.inOrder();
                assertEquals(List.of("second", "first"), spans.stream().map(Timeline.Span::name).toList());
                assertEquals(List.of(0.0, 3.0), spans.stream().map(Timeline.Span::flops).toList());
                // A device's clock is tied to the host's but for what the host takes to learn of an event: long if it is busy.
                long slack = 50_000_000;
                assertTrue(spans.get(0).beginNanos() >= before - slack);
                assertTrue(spans.get(0).endNanos() > spans.get(0).beginNanos());
                assertTrue(spans.get(1).beginNanos() >= spans.get(0).endNanos());
                assertTrue(spans.get(1).endNanos() > spans.get(1).beginNanos());
                assertTrue(spans.get(1).endNanos() <= after + slack);
            }
        }
    }

    @Test
    void shouldRefuseCopiesOfAnotherSize() {
        DeviceBuffer buffer = device.allocate(DataType.FLOAT32, 2);
        ByteBuffer host = ByteBuffer.allocateDirect(7);
        assertThrows(IllegalArgumentException.class, () -> buffer.copyFromHost(host));
        assertThrows(IllegalArgumentException.class, () -> buffer.copyToHost(host));
    }

    @Test
    void shouldShowHostAccessibleMemoryInNativeByteOrder() {
        DeviceBuffer slice = Buffers.floats(device, 1, 2, 3).slice(1, 2);
        if (!slice.isHostAccessible()) {
            assertThrows(IllegalStateException.class, slice::hostView);
            return;
        }
        ByteBuffer view = slice.hostView();
        assertTrue(view.isDirect());
        assertEquals(ByteOrder.nativeOrder(), view.order());
        assertEquals(0, view.position());
        assertEquals(8, view.capacity());
        assertEquals(8, view.limit());
        assertEquals(2f, view.getFloat(0));
        view.putFloat(4, 30);
        assertArrayEquals(new double[] {2, 30}, Buffers.read(slice));
    }

    @Test
    void shouldReleaseOtherThreadsByAnEventOnceWorkIsDone() throws Exception {
        DeviceBuffer buffer = Buffers.floats(device, 1, 2, 3);
        Event event = device.newEvent();
        event.synchronize();
        operations.clear(buffer).enqueue(device.computeStream());
        event.record(device.computeStream());
        device.computeStream().waitFor(event);
        CompletableFuture.runAsync(event::synchronize).get(30, TimeUnit.SECONDS);
        device.computeStream().synchronize();
        assertArrayEquals(new double[3], Buffers.read(buffer));
    }

    @Test
    void shouldRefuseLinearForwardOfShapesThatDoNotAgree() {
        Matrix x = matrix(2, 3);
        Matrix weight = matrix(4, 3);
        Matrix y = matrix(2, 4);
        refuse(() -> operations.linearForward(matrix(2, 5), weight, null, y, Activation.IDENTITY));
        refuse(() -> operations.linearForward(matrix(3, 3), weight, null, y, Activation.IDENTITY));
        refuse(() -> operations.linearForward(x, matrix(5, 3), null, y, Activation.IDENTITY));
        refuse(() -> operations.linearForward(x, weight, floats(3), y, Activation.IDENTITY));
        refuse(() -> operations.linearForward(x, weight, device.allocate(DataType.INT32, 4), y, Activation.IDENTITY));
        refuse(() -> operations.linearForward(x, weight, null, y, Activation.GELU));
    }

    @Test
    void shouldRefuseLinearBackwardOfShapesThatDoNotAgree() {
        Matrix x = matrix(2, 3);
        Matrix weight = matrix(4, 3);
        Matrix yGradient = matrix(2, 4);
        Matrix xGradient = matrix(2, 3);
        Activation identity = Activation.IDENTITY;
        refuse(() -> operations.linearBackwardInput(matrix(2, 5), weight, xGradient, identity, null, null));
        refuse(() -> operations.linearBackwardInput(yGradient, weight, matrix(3, 3), identity, null, null));
        refuse(() -> operations.linearBackwardInput(yGradient, weight, matrix(2, 4), identity, null, null));
        refuse(() -> operations.linearBackwardInput(yGradient, weight, xGradient, Activation.RELU, null, null));
        refuse(() -> operations.linearBackwardInput(yGradient, weight, xGradient, Activation.RELU, matrix(3, 2), null));
        refuse(() -> operations.linearBackwardInput(yGradient, weight, xGradient, Activation.GELU, x, null));
        refuse(() -> operations.linearBackwardWeight(matrix(3, 3), yGradient, matrix(4, 3), 0, false));
        refuse(() -> operations.linearBackwardWeight(x, yGradient, matrix(4, 2), 0, false));
        refuse(() -> operations.linearBackwardWeight(x, yGradient, matrix(5, 3), 0, false));
        refuse(() -> operations.linearBackwardWeight(x, yGradient, matrix(2, 3), 3, false));
        refuse(() -> operations.linearBackwardWeight(x, yGradient, matrix(2, 3), -1, false));
        refuse(() -> operations.linearBackwardBias(yGradient, floats(2), false));
    }

    @Test
    void shouldRefuseActivationsWithoutWhatTheirDerivativeNeeds() {
        DeviceBuffer three = floats(3);
        DeviceBuffer other = floats(3);
        DeviceBuffer gradient = floats(3);
        refuse(() -> operations.activationForward(Activation.RELU, three, floats(2)));
        refuse(() -> operations.activationForward(Activation.RELU, three, device.allocate(DataType.INT32, 3)));
        refuse(() -> operations.activationBackward(Activation.TANH, three, null, other, gradient));
        refuse(() -> operations.activationBackward(Activation.GELU, null, three, other, gradient));
        refuse(() -> operations.activationBackward(Activation.TANH, null, floats(2), other, gradient));
        refuse(() -> operations.activationBackward(Activation.TANH, null, three, other, floats(4)));
    }

    @Test
    void shouldRefuseCrossEntropyOfShapesThatDoNotAgree() {
        Matrix logits = matrix(2, 3);
        DeviceBuffer labels = device.allocate(DataType.INT32, 2);
        DeviceBuffer statistics = device.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
        refuse(() -> operations.crossEntropy(logits, device.allocate(DataType.INT32, 3), statistics, null, 1));
        refuse(() -> operations.crossEntropy(logits, floats(2), statistics, null, 1));
        refuse(() -> operations.crossEntropy(logits, labels, floats(LossStatistics.LENGTH), null, 1));
        refuse(() -> operations.crossEntropy(logits, labels, device.allocate(DataType.FLOAT64, 3), null, 1));
        refuse(() -> operations.crossEntropy(logits, labels, statistics, matrix(3, 2), 1));
        refuse(() -> operations.crossEntropy(logits, labels, statistics, null, Double.NaN));
    }

    @Test
    void shouldRefuseGathersOfShapesThatDoNotAgree() {
        Matrix source = new Matrix(device.allocate(DataType.UINT8, 6), 2, 3);
        Matrix destination = matrix(4, 3);
        DeviceBuffer indices = device.allocate(DataType.INT32, 4);
        DeviceBuffer three = device.allocate(DataType.INT32, 3);
        refuse(() -> operations.gatherRows(source, three, destination, 255));
        refuse(() -> operations.gatherRows(source, floats(4), destination, 255));
        refuse(() -> operations.gatherRows(source, indices, matrix(4, 2), 255));
        refuse(() -> operations.gatherRows(source, indices, destination, 0));
        refuse(() -> operations.gatherRows(new Matrix(three, 1, 3), indices, destination, 255));
        refuse(() -> operations.gatherLabels(indices, three, device.allocate(DataType.INT32, 4)));
        refuse(() -> operations.gatherLabels(floats(5), three, device.allocate(DataType.INT32, 3)));
    }

    @Test
    void shouldRefuseSgdOfRangesThatDoNotAgree() {
        DeviceBuffer parameter = floats(3);
        DeviceBuffer gradient = floats(3);
        DeviceBuffer momentumBuffer = floats(3);
        DeviceBuffer hyperparameters = floats(SgdHyperparameters.LENGTH);
        refuse(() -> operations.sgd(parameter, floats(2), momentumBuffer, hyperparameters, false, null));
        refuse(() -> operations.sgd(parameter, gradient, floats(4), hyperparameters, false, null));
        refuse(() -> operations.sgd(parameter, gradient, momentumBuffer, floats(4), false, null));
        refuse(() -> operations.sgd(parameter, gradient, null, hyperparameters, true, null));
    }

    @Test
    void shouldRefuseAdamOfRangesThatDoNotAgree() {
        DeviceBuffer p = floats(3);
        DeviceBuffer g = floats(3);
        DeviceBuffer m = floats(3);
        DeviceBuffer v = floats(3);
        DeviceBuffer hyperparameters = device.allocate(DataType.FLOAT64, AdamHyperparameters.LENGTH);
        refuse(() -> operations.adam(p, floats(2), m, v, hyperparameters, null));
        refuse(() -> operations.adam(p, g, floats(4), v, hyperparameters, null));
        refuse(() -> operations.adam(p, g, m, floats(4), hyperparameters, null));
        refuse(() -> operations.adam(p, g, m, device.allocate(DataType.INT32, 3), hyperparameters, null));
        refuse(() -> operations.adam(p, g, m, v, floats(AdamHyperparameters.LENGTH), null));
        refuse(() -> operations.adam(p, g, m, v, device.allocate(DataType.FLOAT64, 3), null));
    }

    private Matrix matrix(int rows, int columns) {
        return Matrix.allocate(device, DataType.FLOAT32, rows, columns);
    }

    private DeviceBuffer floats(int elementCount) {
        return device.allocate(DataType.FLOAT32, elementCount);
    }

    private static void refuse(Executable making) {
        String message = assertThrows(IllegalArgumentException.class, making).getMessage();
        assertTrue(message != null && !message.isBlank(), "a refusal without a reason");
    }
}

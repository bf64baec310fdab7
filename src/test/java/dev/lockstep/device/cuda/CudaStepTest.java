package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.Stream;
import dev.lockstep.device.cuda.standin.CudaStandIn;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A whole training step of two layers, out of every kind of operation. */
@Timeout(120)
class CudaStepTest {
    private static final int SAMPLES = 50;
    private static final int BATCH = 16;
    private static final int IN = 24;
    private static final int HIDDEN = 32;
    private static final int CLASSES = 5;
    private static final int WARM_UP_STEPS = 200;
    private static final int WINDOWS = 10;
    private static final int STEPS = 20;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** The same numbers at first each time that it is made. */
    private static final class Step implements Operation {
        private final CudaDevice gpu;
        private final Random random = new Random(3);
        private final List<Operation> operations = new ArrayList<>();
        private final List<DeviceBuffer> parameters = new ArrayList<>();
        private final DeviceBuffer hyperparameters;
        private final DeviceBuffer statistics;

        Step(CudaDevice gpu) {
            this.gpu = gpu;
            Operations make = gpu.operations();
            DataType type = gpu.computeType();
            Matrix images = Buffers.matrix(gpu, DataType.UINT8, SAMPLES, IN,
                    random.ints((long) SAMPLES * IN, 0, 256).asDoubleStream().toArray());
            DeviceBuffer allLabels = Buffers.ints(gpu, random.ints(SAMPLES, 0, CLASSES).toArray());
            DeviceBuffer indices = Buffers.ints(gpu, random.ints(BATCH, 0, SAMPLES).toArray());
            DeviceBuffer labels = gpu.allocate(DataType.INT32, BATCH);
            hyperparameters = Buffers.floats(gpu, 0.1, 1e-3, 0.9, 0.9, 1);
            statistics = gpu.allocate(DataType.FLOAT64, LossStatistics.LENGTH);
            Matrix x = Matrix.allocate(gpu, type, BATCH, IN);
            Matrix hidden = Matrix.allocate(gpu, type, BATCH, HIDDEN);
            Matrix smooth = Matrix.allocate(gpu, type, BATCH, HIDDEN);
            Matrix logits = Matrix.allocate(gpu, type, BATCH, CLASSES);
            Matrix logitsGradient = Matrix.allocate(gpu, type, BATCH, CLASSES);
            Matrix smoothGradient = Matrix.allocate(gpu, type, BATCH, HIDDEN);
            Matrix hiddenGradient = Matrix.allocate(gpu, type, BATCH, HIDDEN);
            Parameter weight1 = new Parameter(HIDDEN, IN);
            Parameter bias1 = new Parameter(1, HIDDEN);
            Parameter weight2 = new Parameter(HIDDEN, HIDDEN);
            Parameter weight3 = new Parameter(CLASSES, HIDDEN);
            Parameter bias3 = new Parameter(1, CLASSES);
            operations.add(make.clear(weight3.gradient.data()));
            operations.add(make.gatherRows(images, indices, x, 255));
            operations.add(make.gatherLabels(allLabels, indices, labels));
            operations.add(make.linearForward(x, weight1.computed, bias1.computed.data(), hidden, Activation.RELU));
            operations.add(make.linearForward(hidden, weight2.computed, null, smooth, Activation.IDENTITY));
            Matrix before = Matrix.allocate(gpu, type, BATCH, HIDDEN);
            operations.add(make.activationForward(Activation.IDENTITY, smooth.data(), before.data()));
            operations.add(make.activationForward(Activation.GELU, smooth.data(), smooth.data()));
            operations.add(make.linearForward(smooth, weight3.computed, bias3.computed.data(), logits,
                    Activation.IDENTITY));
            operations.add(make.crossEntropy(logits, labels, statistics, logitsGradient, 1.0 / BATCH));
            operations.add(make.linearBackwardBias(logitsGradient, bias3.gradient.data(), false));
            operations.add(make.linearBackwardWeight(smooth, logitsGradient, weight3.gradient, 0, true));
            operations.add(make.linearBackwardInput(logitsGradient, weight3.computed, smoothGradient,
                    Activation.IDENTITY, null, null));
            operations.add(make.activationBackward(Activation.GELU, before.data(), null, smoothGradient.data(),
                    smoothGradient.data()));
            operations.add(make.linearBackwardWeight(hidden, smoothGradient, weight2.gradient, 0, false));
            operations.add(make.linearBackwardInput(smoothGradient, weight2.computed, hiddenGradient, Activation.RELU,
                    hidden, bias1.gradient.data()));
            operations.add(make.linearBackwardWeight(x, hiddenGradient, weight1.gradient, 0, false));
            for (Parameter parameter : List.of(weight3, bias3, weight2, bias1, weight1)) {
                operations.add(parameter == weight2 ? parameter.updateByAdam() : parameter.update());
                parameters.add(parameter.value);
            }
        }

        /** A parameter with its gradient, and what is computed with. */
        private final class Parameter {
            private final DeviceBuffer value;
            private final Matrix computed;
            private final Matrix gradient;

            Parameter(int rows, int columns) {
                value = Buffers.floats(gpu, random.doubles((long) rows * columns, -0.5, 0.5).toArray());
                gradient = Matrix.allocate(gpu, DataType.FLOAT32, rows, columns);
                boolean converts = gpu.computeType() != DataType.FLOAT32;
                computed = converts ? Matrix.allocate(gpu, gpu.computeType(), rows, columns)
                        : new Matrix(value, rows, columns);
                if (converts) {
                    gpu.operations().convert(value, computed.data()).enqueue(gpu.computeStream());
                }
            }

            Operation update() {
                return gpu.operations().sgd(value, gradient.data(),
                        gpu.allocate(DataType.FLOAT32, value.elementCount()), hyperparameters, true,
                        computed.data() == value ? null : computed.data());
            }

            Operation updateByAdam() {
                return gpu.operations().adam(value, gradient.data(), gpu.allocate(DataType.FLOAT32, value.elementCount()),
                        gpu.allocate(DataType.FLOAT32, value.elementCount()),
                        Buffers.of(gpu, DataType.FLOAT64, 0.01, 0.5, 0.5, 0.5, 1, 1e-8, 0, 0.999),
                        computed.data() == value ? null : computed.data());
            }
        }

        @Override
        public void enqueue(Stream stream) {
            // No for-each: its iterator is an allocation.
            for (int i = 0; i < operations.size(); i++) {
                operations.get(i).enqueue(stream);
            }
        }

        double loss() {
            return Buffers.read(statistics)[LossStatistics.BATCH_MEAN];
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldLearn(MatmulPrecision precision) {
        try (CudaDevice gpu = CudaDeviceOrSkip.openOrSkip(precision)) {
            Step step = new Step(gpu);
            step.enqueue(gpu.computeStream());
            double first = step.loss();
            for (int i = 0; i < 30; i++) {
                step.enqueue(gpu.computeStream());
            }
            assertTrue(step.loss() < 0.7 * first, "from " + first + " to " + step.loss());
            assertEquals(31, Buffers.read(step.statistics)[LossStatistics.BATCHES]);
            assertEquals(0, Buffers.read(step.statistics)[LossStatistics.FIRST_NOT_FINITE]);
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveTheSameBitsFromAGraph(MatmulPrecision precision) {
        try (CudaDevice gpu = CudaDeviceOrSkip.openOrSkip(precision)) {
            Step eager = new Step(gpu);
            Step recorded = new Step(gpu);
            double[] before = Buffers.read(recorded.parameters.get(0));
            Operation graph = gpu.graph(recorded);
            assertArrayEquals(before, Buffers.read(recorded.parameters.get(0)), "recording runs nothing");
            for (int i = 0; i < 4; i++) {
                double[] rates = {0.1 / (i + 1), 1e-3, 0.9, i == 0 ? 0 : 0.9, 1};
                Buffers.write(eager.hyperparameters, rates);
                Buffers.write(recorded.hyperparameters, rates);
                eager.enqueue(gpu.computeStream());
                graph.enqueue(gpu.computeStream());
                assertArrayEquals(Buffers.read(eager.statistics), Buffers.read(recorded.statistics));
                for (int p = 0; p < eager.parameters.size(); p++) {
                    assertArrayEquals(Buffers.read(eager.parameters.get(p)), Buffers.read(recorded.parameters.get(p)));
                }
            }
            assertFalse(Arrays.equals(before, Buffers.read(recorded.parameters.get(0))));
        }
    }

    /** The best of several windows, as in ddp's SteadyStateTest: the Java compiler allocates in this thread's name, once. */
    @ParameterizedTest
    @EnumSource
    void shouldAllocateNothingWhenItEnqueues(MatmulPrecision precision) {
        try (CudaDevice gpu = CudaDeviceOrSkip.openOrSkip(precision)) {
            Step step = new Step(gpu);
            Stream stream = gpu.computeStream();
            for (int i = 0; i < WARM_UP_STEPS; i++) {
                step.enqueue(stream);
            }
            long deviceBytes = gpu.allocatedBytes();
            long fewest = Long.MAX_VALUE;
            for (int window = 0; window < WINDOWS; window++) {
                stream.synchronize();
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < STEPS; i++) {
                    step.enqueue(stream);
                }
                fewest = Math.min(fewest, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, fewest, "bytes in " + STEPS + " steps");
            assertEquals(deviceBytes, gpu.allocatedBytes());
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveBackAllMemory(MatmulPrecision precision) {
        CudaDeviceOrSkip.openOrSkip(precision).close();
        assumeTrue(CudaStandIn.isChosen(), "other processes use a real GPU's memory, too");
        long before = CudaStandIn.usedBytes(0);
        try (CudaDevice gpu = CudaDeviceOrSkip.openOrSkip(precision)) {
            new Step(gpu).enqueue(gpu.computeStream());
            // Memory is given out in larger pieces than asked for; all else was freed: what algorithms were tried in.
            assertTrue(CudaStandIn.usedBytes(0) - before < 1.05 * gpu.allocatedBytes() + (1 << 20));
        }
        assertEquals(before, CudaStandIn.usedBytes(0));
    }
}

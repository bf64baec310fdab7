package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DropoutTest {
    private static final int ROWS = 300;
    private static final int COLUMNS = 101;
    private static final int ELEMENTS = ROWS * COLUMNS;

    /** A dropout, or two of them one after the other, on ones; what is left of them are the masks. */
    private static final class Masks implements AutoCloseable {
        private final Device device;
        private final Operation nextStep;
        private final Operation nextMicroBatch;
        private final List<BoundModule> layers = new ArrayList<>();
        private final Matrix inputGradient;

        Masks(Device device, double probability, long seed, int rank, int layerCount) {
            this.device = device;
            double[] ones = new double[ELEMENTS];
            Arrays.fill(ones, 1);
            Matrix input = Buffers.matrix(device, DataType.FLOAT32, ROWS, COLUMNS, ones);
            inputGradient = Matrix.allocate(device, DataType.FLOAT32, ROWS, COLUMNS);
            Randomness randomness = new Randomness(device, seed, rank);
            nextStep = randomness.nextStep();
            nextMicroBatch = randomness.nextMicroBatch();
            Module linear = new Linear(1, 1); // An arena has at least one parameter.
            Binding binding = Binding.forTraining(device, new Workspace(device),
                    new ParameterArena(device, linear.parameterShapes(), true), Binding.RowSplit.WHOLE,
                    new Timeline(device)).with(randomness, RankSums.ALONE);
            for (int i = 0; i < layerCount; i++) {
                layers.add(new Dropout(probability).bind(binding, input, inputGradient));
            }
        }

        double[] mask(int layer) {
            layers.get(layer).forward(device.computeStream());
            return Buffers.read(layers.get(layer).output().data());
        }

        double[] nextStep() {
            nextStep.enqueue(device.computeStream());
            return mask(0);
        }

        double[] nextMicroBatch() {
            nextMicroBatch.enqueue(device.computeStream());
            return mask(0);
        }

        @Override
        public void close() {
            device.close();
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.1, 0.5, 0.9})
    void shouldDropItsShareAndScaleTheRest(double probability) {
        try (Masks masks = new Masks(new CpuDevice(1), probability, 7, 0, 1)) {
            for (int step = 0; step < 5; step++) {
                double[] mask = masks.nextStep();
                double scale = (float) (1 / (1 - probability));
                assertEquals(ELEMENTS, Arrays.stream(mask).filter(value -> value == 0 || value == scale).count());
                long dropped = Arrays.stream(mask).filter(value -> value == 0).count();
                assertEquals(probability * ELEMENTS, dropped, 5 * deviation(probability));
                // As many where the neighbour in row or column is dropped, too: they know nothing of each other.
                for (int distance : new int[] {1, 2, 3, 4, COLUMNS}) {
                    long both = 0;
                    for (int i = distance; i < ELEMENTS; i++) {
                        both += mask[i] == 0 && mask[i - distance] == 0 ? 1 : 0;
                    }
                    assertEquals(probability * probability * (ELEMENTS - distance), both, 7 * deviation(probability));
                }
            }
        }
    }

    @Test
    void shouldDrawOtherNumbersForEachSeedRankStepMicroBatchAndLayer() {
        List<double[]> masks = new ArrayList<>();
        for (long seed : new long[] {1, 2, 1L << 32, (1L << 32) + 1}) {
            for (int rank : new int[] {0, 1, 256}) {
                try (Masks drawn = new Masks(new CpuDevice(1), 0.5, seed, rank, 2)) {
                    for (int step = 0; step < 2; step++) {
                        masks.add(drawn.nextStep());
                        masks.add(drawn.mask(1));
                        masks.add(drawn.nextMicroBatch());
                        masks.add(drawn.mask(1));
                    }
                }
            }
        }
        assertEquals(96, masks.size());
        for (int i = 0; i < masks.size(); i++) {
            for (int j = 0; j < i; j++) {
                long equal = 0;
                for (int k = 0; k < ELEMENTS; k++) {
                    equal += masks.get(i)[k] == masks.get(j)[k] ? 1 : 0;
                }
                assertEquals(0.5 * ELEMENTS, equal, 6 * deviation(0.5), "masks " + i + " and " + j);
            }
        }
    }

    @Test
    void shouldDrawTheSameNumbersAgainWhateverTheNumberOfThreads() {
        Set<Double> values = Set.of(0.0, 2.0);
        double[] alone;
        try (Masks masks = new Masks(new CpuDevice(1), 0.5, 5, 3, 1)) {
            alone = masks.nextStep();
            assertArrayEquals(alone, masks.mask(0));
            double[] next = masks.nextStep();
            assertNotEquals(Arrays.hashCode(alone), Arrays.hashCode(next));
        }
        for (int threads : new int[] {2, 3, 8}) {
            try (Masks masks = new Masks(new CpuDevice(threads), 0.5, 5, 3, 1)) {
                assertArrayEquals(alone, masks.nextStep());
            }
        }
        try (Masks masks = new Masks(new ReferenceDevice(), 0.5, 5, 3, 1)) {
            assertArrayEquals(alone, masks.nextStep());
        }
        assertEquals(values.size(), Arrays.stream(alone).distinct().filter(values::contains).count());
    }

    @Test
    void shouldGoOnFromANumberOfSteps() {
        try (Device device = new CpuDevice(1); Masks masks = new Masks(new CpuDevice(1), 0.5, 5, 0, 1)) {
            Randomness resumed = new Randomness(device, 5, 0);
            resumed.setSteps(2);
            masks.nextStep();
            masks.nextStep();
            masks.nextMicroBatch();
            double[] third = masks.nextStep();
            double[] ones = new double[ELEMENTS];
            Arrays.fill(ones, 1);
            Matrix input = Buffers.matrix(device, DataType.FLOAT32, ROWS, COLUMNS, ones);
            Binding binding = Binding.forTraining(device, new Workspace(device),
                    new ParameterArena(device, new Linear(1, 1).parameterShapes(), true), Binding.RowSplit.WHOLE,
                    new Timeline(device)).with(resumed, RankSums.ALONE);
            BoundModule dropout = new Dropout(0.5).bind(binding, input, null);
            resumed.nextStep().enqueue(device.computeStream());
            dropout.forward(device.computeStream());
            assertArrayEquals(third, Buffers.read(dropout.output().data()));
        }
    }

    @Test
    void shouldDropTheSameElementsOfTheGradient() {
        try (Masks masks = new Masks(new CpuDevice(1), 0.3, 5, 0, 1)) {
            double[] mask = masks.nextStep();
            BoundModule dropout = masks.layers.get(0);
            double[] ones = new double[ELEMENTS];
            Arrays.fill(ones, 1);
            Buffers.write(dropout.outputGradient().data(), ones);
            dropout.backward(masks.device.computeStream(), GradientListener.NONE);
            assertArrayEquals(mask, Buffers.read(masks.inputGradient.data()));
        }
    }

    @Test
    void shouldPassItsInputOnInEvaluation() {
        try (Device device = new ReferenceDevice()) {
            Matrix input = Matrix.allocate(device, DataType.FLOAT32, 2, 3);
            ParameterArena arena = new ParameterArena(device, new Linear(1, 1).parameterShapes(), false);
            assertSame(input, new Dropout(0.5).bind(Binding.forEvaluation(device, new Workspace(device), arena), input, null)
                    .output());
        }
    }

    @Test
    void shouldRefuseProbabilitiesThatLeaveNothing() {
        for (double probability : new double[] {-0.1, 1, 2, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new Dropout(probability));
        }
    }

    /** Of the number of elements that are dropped. */
    private static double deviation(double probability) {
        return Math.sqrt(ELEMENTS * probability * (1 - probability));
    }
}

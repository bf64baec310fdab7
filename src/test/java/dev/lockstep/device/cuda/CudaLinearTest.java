package dev.lockstep.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.cuda.standin.CudaStandIn;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the products take along, and what happens where they cannot. */
@Timeout(120)
class CudaLinearTest {
    private static final int BATCH = 24;
    private static final int IN = 40;
    private static final int OUT = 16;
    /** Of the next layer: rows of 16 bytes and more in every precision, or there may be no fused product. */
    private static final int NEXT = 8;
    private static final double TOLERANCE = 1e-5;

    private final Random random = new Random(11);
    private CudaDevice gpu;

    @BeforeEach
    void open() {
        gpu = CudaDeviceOrSkip.openOrSkip();
    }

    @AfterEach
    void close() {
        if (CudaStandIn.isChosen()) {
            CudaStandIn.reset();
        }
        if (gpu != null) {
            gpu.close();
        }
    }

    /** A layer, its ReLU, and what comes back through both. */
    private final class Layer {
        private final Matrix x;
        private final Matrix weight;
        private final DeviceBuffer bias;
        private final Matrix y;
        private final Matrix nextWeight;
        private final Matrix nextGradient;
        private final Matrix yGradient;
        private final DeviceBuffer biasGradient;

        Layer() {
            x = random(BATCH, IN);
            weight = random(OUT, IN);
            bias = random(1, OUT).data();
            y = Matrix.allocate(gpu, gpu.computeType(), BATCH, OUT);
            nextWeight = random(NEXT, OUT);
            nextGradient = random(BATCH, NEXT);
            yGradient = Matrix.allocate(gpu, gpu.computeType(), BATCH, OUT);
            biasGradient = gpu.allocate(DataType.FLOAT32, OUT);
        }

        private Matrix random(int rows, int columns) {
            return Buffers.matrix(gpu, gpu.computeType(), rows, columns,
                    random.doubles(rows * columns, -1, 1).toArray());
        }

        Operation forward() {
            return gpu.operations().linearForward(x, weight, bias, y, Activation.RELU);
        }

        Operation backward() {
            return gpu.operations().linearBackwardInput(nextGradient, nextWeight, yGradient, Activation.RELU, y,
                    biasGradient);
        }

        void run(Operation... operations) {
            for (Operation operation : operations) {
                operation.enqueue(gpu.computeStream());
            }
            gpu.computeStream().synchronize();
        }

        /** All by Java, from what is in the buffers. */
        void check() {
            double[] xs = Buffers.read(x.data());
            double[] weights = Buffers.read(weight.data());
            double[] biases = Buffers.read(bias);
            double[] ys = Buffers.read(y.data());
            double[] gradients = Buffers.read(nextGradient.data());
            double[] nextWeights = Buffers.read(nextWeight.data());
            double[] yGradients = Buffers.read(yGradient.data());
            double[] sums = new double[OUT];
            for (int i = 0; i < BATCH; i++) {
                for (int j = 0; j < OUT; j++) {
                    double z = biases[j];
                    for (int k = 0; k < IN; k++) {
                        z += xs[i * IN + k] * weights[j * IN + k];
                    }
                    double gradient = 0;
                    for (int k = 0; k < NEXT; k++) {
                        gradient += gradients[i * NEXT + k] * nextWeights[k * OUT + j];
                    }
                    assertEquals(Math.max(0, z), ys[i * OUT + j], TOLERANCE, "y of " + i + ", " + j);
                    double expected = z > 0 ? gradient : 0;
                    assertEquals(expected, yGradients[i * OUT + j], TOLERANCE, "yGradient of " + i + ", " + j);
                    sums[j] += expected;
                }
            }
            double[] actualSums = Buffers.read(biasGradient);
            for (int j = 0; j < OUT; j++) {
                assertEquals(sums[j], actualSums[j], BATCH * TOLERANCE, "biasGradient of " + j);
            }
        }
    }

    @Test
    void shouldFuseBiasAndReluForwardAndDerivativeAndBiasGradientBackward() {
        Layer layer = new Layer();
        Operation forward = layer.forward();
        Operation backward = layer.backward();
        assertTrue(forward.toString().matches("cublasLtMatmul of 16 x 24 x 40 RELU_AUX_BIAS, algorithm \\d"),
                forward.toString());
        assertTrue(backward.toString().matches("cublasLtMatmul of 16 x 24 x 8 DRELU_BGRAD, algorithm \\d"),
                backward.toString());
        layer.run(forward, backward);
        layer.check();
    }

    @Test
    void shouldReadTheBitsOfTheLastForwardPassIntoTheOutput() {
        Layer layer = new Layer();
        Operation forward = layer.forward();
        Operation backward = layer.backward();
        layer.run(forward, backward);
        Buffers.write(layer.x.data(), random.doubles(BATCH * IN, -1, 1).toArray());
        layer.run(layer.forward(), backward);
        layer.check();
    }

    @Test
    void shouldSumABfloat16GradientByAKernel() {
        gpu.close();
        gpu = CudaDeviceOrSkip.openOrSkip(MatmulPrecision.BF16);
        Layer layer = new Layer();
        layer.forward();
        String backward = layer.backward().toString();
        assertTrue(backward.matches("cublasLtMatmul of 16 x 24 x 8 DRELU, algorithm \\d, then column_sums"), backward);
    }

    @Test
    void shouldUseKernelsWhereThereIsNoForwardPassToReadBitsOf() {
        Layer layer = new Layer();
        Buffers.write(layer.y.data(), random.doubles(BATCH * OUT, -1, 1).map(v -> Math.max(0, v)).toArray());
        Operation backward = layer.backward();
        assertTrue(backward.toString().matches(
                "cublasLtMatmul of 16 x 24 x 8 DEFAULT, algorithm \\d, then relu_backward, then column_sums"),
                backward.toString());
    }

    /** cuBLASLt's heuristic is asked for RELU_AUX_BIAS, then BIAS, then DEFAULT, and each time may know nothing. */
    @Test
    void shouldUseKernelsForWhatCublasLtCannotFuse() {
        assumeTrue(CudaStandIn.isChosen(), "only the stand-in can be told what not to know");
        String unknown = "cublasLtMatmulAlgoGetHeuristic:%d=15";
        CudaStandIn.reset();
        CudaStandIn.set("FAIL", String.format(unknown, 1));
        Layer biased = new Layer();
        Operation biasedForward = biased.forward();
        assertTrue(biasedForward.toString().matches("cublasLtMatmul of .* BIAS, algorithm \\d, then relu_forward"),
                biasedForward.toString());
        biased.run(biasedForward, biased.backward());
        biased.check();

        // Anew, for it remembers what it found.
        gpu.close();
        gpu = CudaDeviceOrSkip.openOrSkip();
        CudaStandIn.reset();
        CudaStandIn.set("FAIL", String.format(unknown, 1) + "," + String.format(unknown, 2));
        Layer plain = new Layer();
        Operation plainForward = plain.forward();
        assertTrue(plainForward.toString().matches(
                "cublasLtMatmul of .* DEFAULT, algorithm \\d, then add_bias, then relu_forward"),
                plainForward.toString());
        plain.run(plainForward, plain.backward());
        plain.check();
    }

    @Test
    void shouldUseKernelsForTheDerivativeThatCublasLtCannotFuse() {
        assumeTrue(CudaStandIn.isChosen(), "only the stand-in can be told what not to know");
        Layer layer = new Layer();
        Operation forward = layer.forward();
        CudaStandIn.reset();
        CudaStandIn.set("FAIL", "cublasLtMatmulAlgoGetHeuristic:1=15,cublasLtMatmulAlgoGetHeuristic:2=15");
        Operation backward = layer.backward();
        assertTrue(backward.toString().matches(
                "cublasLtMatmul of .* DEFAULT, algorithm \\d, then relu_backward, then column_sums"),
                backward.toString());
        layer.run(forward, backward);
        layer.check();
    }

    @Test
    void shouldRefuseToReadBitsThatALaterForwardPassDoesNotWrite() {
        assumeTrue(CudaStandIn.isChosen(), "only the stand-in can be told what not to know");
        Layer layer = new Layer();
        layer.forward();
        Operation backward = layer.backward();
        CudaStandIn.reset();
        CudaStandIn.set("FAIL", "cublasLtMatmulAlgoGetHeuristic:1=15");
        gpu.operations().linearForward(layer.x, layer.weight, null, layer.y, Activation.RELU);
        assertThrows(IllegalStateException.class, () -> backward.enqueue(gpu.computeStream()));
    }

    /** Choosing runs products and allocates, and some versions of cuBLASLt propose nothing then. */
    @Test
    void shouldRefuseToBeMadeInACapture() {
        Layer layer = new Layer();
        assertThrows(CudaException.class, () -> gpu.graph(stream -> layer.forward()));
        Operation forward = layer.forward();
        Operation backward = layer.backward();
        layer.run(gpu.graph(forward), backward);
        layer.check();
    }

    @Test
    void shouldLeaveItsOutputsAsTheyAreUntilItRuns() {
        Layer layer = new Layer();
        double[] before = random.doubles(OUT * IN, -1, 1).map(v -> (float) v).toArray();
        Matrix weightGradient = Buffers.matrix(gpu, DataType.FLOAT32, OUT, IN, before);
        Buffers.write(layer.y.data(), Arrays.copyOf(before, BATCH * OUT));
        layer.forward();
        gpu.operations().linearBackwardWeight(layer.x, layer.nextGradient, weightGradient.rows(0, 3), 0, true);
        assertTrue(Arrays.equals(before, Buffers.read(weightGradient.data())));
        assertTrue(Arrays.equals(Arrays.copyOf(before, BATCH * OUT), Buffers.read(layer.y.data())));
    }

    @Test
    void shouldGiveTheSameBitsInEachRun() {
        Layer layer = new Layer();
        Operation forward = layer.forward();
        Operation backward = layer.backward();
        layer.run(forward, backward);
        double[] ys = Buffers.read(layer.y.data());
        double[] sums = Buffers.read(layer.biasGradient);
        for (int run = 0; run < 5; run++) {
            layer.run(forward, backward);
            assertTrue(Arrays.equals(ys, Buffers.read(layer.y.data())));
            assertTrue(Arrays.equals(sums, Buffers.read(layer.biasGradient)));
        }
    }

    /** A diverged weight must reach the loss; a fused ReLU alone may hide it, as its documentation says. */
    @ParameterizedTest
    @EnumSource(names = {"IDENTITY", "SIGMOID", "TANH"})
    void shouldCarryNaNThroughALinearLayerAndItsActivation(Activation activation) {
        for (int out : new int[] {1, 3, 16, 17, 128}) {
            double[] weights = new double[out * 5];
            Arrays.fill(weights, Double.NaN);
            Matrix x = Buffers.matrix(gpu, DataType.FLOAT32, 2, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
            Matrix weight = Buffers.matrix(gpu, DataType.FLOAT32, out, 5, weights);
            Matrix y = Matrix.allocate(gpu, DataType.FLOAT32, 2, out);
            gpu.operations().linearForward(x, weight, null, y, activation).enqueue(gpu.computeStream());
            for (double value : Buffers.read(y.data())) {
                assertTrue(Double.isNaN(value), activation + " of NaN is " + value);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldCarryNaNThroughEveryActivation(Activation activation) {
        double[] values = new double[37];
        Arrays.fill(values, Double.NaN);
        DeviceBuffer x = Buffers.floats(gpu, values);
        DeviceBuffer y = gpu.allocate(DataType.FLOAT32, 37);
        gpu.operations().activationForward(activation, x, y).enqueue(gpu.computeStream());
        for (double value : Buffers.read(y)) {
            assertTrue(Double.isNaN(value), activation + " of NaN is " + value);
        }
    }
}

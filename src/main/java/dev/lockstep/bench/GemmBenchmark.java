package dev.lockstep.bench;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Activation;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.Stream;
import dev.lockstep.job.ActivationKind;
import dev.lockstep.job.LayerConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * The matrix products of a training step alone: the floor under its time. The same shapes, in the same order, by the
 * same backend, for each of its micro-batches; no bias, activation, loss, update or communication.
 */
public final class GemmBenchmark {
    /**
     * One product's time.
     *
     * @param name     {@code "0 forward"}, by the layer's position in the model
     * @param m        rows, {@code n} columns and {@code k} the inner length
     * @param seconds  median, the wait for its end included
     * @param how      what the device makes of it; empty if it does not tell
     */
    public record Product(String name, long m, long n, long k, double seconds, String how) {
        public double gigaflops() {
            return 2.0 * m * n * k / seconds * 1e-9;
        }
    }

    /**
     * @param products       each by itself, of a full micro-batch
     * @param carrying       those with a ReLU behind or before them, as training has them, for comparison
     * @param flopsPerStep   of all micro-batches
     * @param secondsPerStep median of the products of all micro-batches in a row
     */
    public record Result(List<Product> products, List<Product> carrying, double flopsPerStep, double secondsPerStep) {
        /** Each time the largest of all ranks. Collective. */
        public Result slowest(Communicator communicator) {
            return new Result(slowest(communicator, products), slowest(communicator, carrying), flopsPerStep,
                    StepBenchmark.maximum(communicator, new double[] {secondsPerStep})[0]);
        }

        private static List<Product> slowest(Communicator communicator, List<Product> products) {
            double[] seconds = StepBenchmark.maximum(communicator,
                    products.stream().mapToDouble(Product::seconds).toArray());
            return IntStream.range(0, seconds.length).mapToObj(i -> {
                Product p = products.get(i);
                return new Product(p.name(), p.m(), p.n(), p.k(), seconds[i], p.how());
            }).toList();
        }

        /** Of all products together. */
        public double gigaflops() {
            return flopsPerStep / secondsPerStep * 1e-9;
        }
    }

    private record Prepared(String name, long m, long n, long k, Operation operation) {
        double flops() {
            return 2.0 * m * n * k;
        }
    }

    /** The matrices of a linear layer, for a full micro-batch; {@code xGradient} is null where nobody wants it. */
    private record Layer(int position, Matrix x, Matrix weight, Matrix y, Matrix weightGradient, Matrix xGradient) {
    }

    private static final int WARM_UP_STEPS = 3;
    /** Matrices are filled with these, again and again. */
    private static final int NUMBERS = 1 << 20;

    private final Device device;
    private final Stream stream;
    private final ByteBuffer numbers;
    private final List<Prepared> prepared;
    private final List<Prepared> carrying = new ArrayList<>();
    /** Of all micro-batches, as they follow each other. */
    private final List<Prepared> step = new ArrayList<>();

    /**
     * @param batch          samples of a full micro-batch
     * @param samplesPerStep the last micro-batch has what remains of them
     */
    public GemmBenchmark(Device device, List<LayerConfig> layers, int batch, int samplesPerStep) {
        this.device = device;
        List<LayerConfig> model = LayerConfig.flattened(layers).toList();
        stream = device.computeStream();
        numbers = numbers();
        List<Layer> linears = new ArrayList<>();
        Matrix activated = null;
        for (int i = 0; i < model.size(); i++) {
            if (model.get(i) instanceof LayerConfig.LinearLayer linear) {
                int in = linear.in();
                int out = linear.out();
                Layer layer = new Layer(i, filled(batch, in), filled(out, in), filled(batch, out),
                        Matrix.allocate(device, DataType.FLOAT32, out, in),
                        linears.isEmpty() ? null : Matrix.allocate(device, device.computeType(), batch, in));
                linears.add(layer);
                addCarrying(layer, activated);
                activated = null;
                if (isBetweenLayers(model, i + 1)) {
                    activated = Matrix.allocate(device, device.computeType(), batch, out);
                    carrying.add(new Prepared(i + " forward, bias, ReLU", batch, out, in, device.operations().linearForward(
                            layer.x, layer.weight, filled(1, out).data(), activated, Activation.RELU)));
                }
            }
        }
        prepared = products(linears, batch, false);
        step.addAll(prepared);
        List<Prepared> next = samplesPerStep >= 2 * batch ? products(linears, batch, true) : List.of();
        int samplesLeft = samplesPerStep - batch;
        for (; samplesLeft >= batch; samplesLeft -= batch) {
            step.addAll(next);
        }
        if (samplesLeft > 0) {
            step.addAll(products(linears, samplesLeft, true));
        }
    }

    /** @param activated what the ReLU before this layer gives; null if there is none */
    private void addCarrying(Layer layer, Matrix activated) {
        if (activated != null) {
            int in = layer.weight.columns();
            carrying.add(new Prepared(layer.position + " input gradient, ReLU's, bias's", layer.x.rows(), in,
                    layer.weight.rows(), device.operations().linearBackwardInput(layer.y, layer.weight, layer.xGradient,
                            Activation.RELU, activated, device.allocate(DataType.FLOAT32, in))));
        }
    }

    /**
     * Of one micro-batch.
     *
     * @param accumulate adds to the weights' gradients, as each micro-batch of a step but the first does
     */
    private List<Prepared> products(List<Layer> layers, int samples, boolean accumulate) {
        Operations operations = device.operations();
        List<Prepared> forward = new ArrayList<>();
        List<Prepared> backward = new ArrayList<>();
        for (Layer layer : layers) {
            int in = layer.weight.columns();
            int out = layer.weight.rows();
            Matrix x = layer.x.rows(0, samples);
            Matrix y = layer.y.rows(0, samples);
            forward.add(new Prepared(layer.position + " forward", samples, out, in,
                    operations.linearForward(x, layer.weight, null, y, Activation.IDENTITY)));
            if (layer.xGradient != null) {
                backward.add(0, new Prepared(layer.position + " input gradient", samples, in, out,
                        operations.linearBackwardInput(y, layer.weight, layer.xGradient.rows(0, samples),
                                Activation.IDENTITY, null, null)));
            }
            backward.add(0, new Prepared(layer.position + " weight gradient", out, in, samples,
                    operations.linearBackwardWeight(x, y, layer.weightGradient, 0, accumulate)));
        }
        forward.addAll(backward);
        return forward;
    }

    /** Whether there is a ReLU, and a linear layer behind it. */
    private static boolean isBetweenLayers(List<LayerConfig> model, int index) {
        return index + 1 < model.size() && model.get(index) instanceof LayerConfig.ActivationLayer activation
                && activation.kind() == ActivationKind.RELU
                && model.get(index + 1) instanceof LayerConfig.LinearLayer;
    }

    /** Random numbers as the device's compute type. Of either sign, so that no sum grows large and no product is of zeros. */
    private ByteBuffer numbers() {
        ByteBuffer bytes = ByteBuffer.allocateDirect(NUMBERS * device.computeType().bytes())
                .order(ByteOrder.nativeOrder());
        SplittableRandom random = new SplittableRandom(0);
        while (bytes.hasRemaining()) {
            float value = (float) (random.nextDouble() - 0.5);
            if (device.computeType() == DataType.BFLOAT16) {
                bytes.putShort((short) (Float.floatToRawIntBits(value) >>> Short.SIZE));
            } else {
                bytes.putFloat(value);
            }
        }
        return bytes;
    }

    private Matrix filled(int rows, int columns) {
        Matrix matrix = Matrix.allocate(device, device.computeType(), rows, columns);
        long count = matrix.data().elementCount();
        for (long first = 0; first < count; first += NUMBERS) {
            DeviceBuffer part = matrix.data().slice(first, Math.min(NUMBERS, count - first));
            part.copyFromHost(numbers.clear().limit((int) part.byteCount()));
        }
        return matrix;
    }

    /** Runs whole steps, and then one product at a time, each for about half of {@code seconds}, at least three times. */
    public Result run(double seconds) {
        for (int i = 0; i < WARM_UP_STEPS; i++) {
            step();
        }
        double secondsPerStep = median(repeat(seconds / 2, () -> new double[] {step()}), 0);
        return new Result(alone(prepared, seconds / 4), alone(carrying, seconds / 4),
                step.stream().mapToDouble(Prepared::flops).sum(), secondsPerStep);
    }

    private List<Product> alone(List<Prepared> products, double seconds) {
        List<double[]> measured = repeat(seconds, () -> secondsOfEach(products));
        List<Product> result = new ArrayList<>();
        for (int i = 0; i < products.size(); i++) {
            Prepared p = products.get(i);
            String how = p.operation().toString();
            boolean tells = !how.startsWith(p.operation().getClass().getName());
            result.add(new Product(p.name(), p.m(), p.n(), p.k(), median(measured, i), tells ? how : ""));
        }
        return result;
    }

    private static List<double[]> repeat(double seconds, Supplier<double[]> measure) {
        List<double[]> measured = new ArrayList<>();
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (measured.size() < 3 || System.nanoTime() - end < 0) {
            measured.add(measure.get());
        }
        return measured;
    }

    /** Seconds of all products, as they follow each other in training: no wait between them. */
    private double step() {
        long start = System.nanoTime();
        for (Prepared product : step) {
            product.operation().enqueue(stream);
        }
        stream.synchronize();
        return (System.nanoTime() - start) * 1e-9;
    }

    private double[] secondsOfEach(List<Prepared> products) {
        double[] seconds = new double[products.size()];
        for (int i = 0; i < seconds.length; i++) {
            long start = System.nanoTime();
            products.get(i).operation().enqueue(stream);
            stream.synchronize();
            seconds[i] = (System.nanoTime() - start) * 1e-9;
        }
        return seconds;
    }

    /** Of the {@code index}th figures. */
    private static double median(List<double[]> measured, int index) {
        return Statistics.median(measured.stream().mapToDouble(figures -> figures[index]).toArray());
    }
}

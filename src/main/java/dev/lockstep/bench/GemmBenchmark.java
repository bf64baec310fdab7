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
 * same backend, each on memory of its own; no bias, activation, loss, update or communication.
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
     * @param products       each by itself
     * @param carrying       those with a ReLU behind or before them, as training has them, for comparison
     * @param secondsPerStep median of all {@code products} in a row
     */
    public record Result(List<Product> products, List<Product> carrying, double secondsPerStep) {
        /** Each time the largest of all ranks. Collective. */
        public Result slowest(Communicator communicator) {
            return new Result(slowest(communicator, products), slowest(communicator, carrying),
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
            return products.stream().mapToDouble(p -> 2.0 * p.m() * p.n() * p.k()).sum() / secondsPerStep * 1e-9;
        }
    }

    private record Prepared(String name, long m, long n, long k, Operation operation) {
    }

    private static final int WARM_UP_STEPS = 3;
    /** Matrices are filled with these, again and again. */
    private static final int NUMBERS = 1 << 20;

    private final Device device;
    private final Stream stream;
    private final ByteBuffer numbers;
    private final List<Prepared> prepared = new ArrayList<>();
    private final List<Prepared> carrying = new ArrayList<>();

    public GemmBenchmark(Device device, List<LayerConfig> layers, int batch) {
        this.device = device;
        List<LayerConfig> model = LayerConfig.flattened(layers).toList();
        stream = device.computeStream();
        numbers = numbers();
        Operations operations = device.operations();
        List<Prepared> backward = new ArrayList<>();
        Matrix activated = null;
        boolean first = true;
        for (int i = 0; i < model.size(); i++) {
            if (model.get(i) instanceof LayerConfig.LinearLayer linear) {
                int in = linear.in();
                int out = linear.out();
                Matrix x = filled(batch, in);
                Matrix weight = filled(out, in);
                Matrix y = filled(batch, out);
                Matrix weightGradient = Matrix.allocate(device, DataType.FLOAT32, out, in);
                prepared.add(new Prepared(i + " forward", batch, out, in,
                        operations.linearForward(x, weight, null, y, Activation.IDENTITY)));
                List<Prepared> layer = new ArrayList<>();
                layer.add(new Prepared(i + " weight gradient", out, in, batch,
                        operations.linearBackwardWeight(x, y, weightGradient, 0, false)));
                if (!first) {
                    Matrix xGradient = Matrix.allocate(device, device.computeType(), batch, in);
                    layer.add(new Prepared(i + " input gradient", batch, in, out,
                            operations.linearBackwardInput(y, weight, xGradient, Activation.IDENTITY, null, null)));
                    if (activated != null) {
                        carrying.add(new Prepared(i + " input gradient, ReLU's, bias's", batch, in, out,
                                operations.linearBackwardInput(y, weight, xGradient, Activation.RELU, activated,
                                        device.allocate(DataType.FLOAT32, in))));
                    }
                }
                activated = null;
                if (isBetweenLayers(model, i + 1)) {
                    activated = Matrix.allocate(device, device.computeType(), batch, out);
                    carrying.add(new Prepared(i + " forward, bias, ReLU", batch, out, in, operations.linearForward(x,
                            weight, filled(1, out).data(), activated, Activation.RELU)));
                }
                backward.addAll(0, layer);
                first = false;
            }
        }
        prepared.addAll(backward);
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
        return new Result(alone(prepared, seconds / 4), alone(carrying, seconds / 4), secondsPerStep);
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
        for (Prepared product : prepared) {
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

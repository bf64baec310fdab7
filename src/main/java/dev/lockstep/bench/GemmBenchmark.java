package dev.lockstep.bench;

import dev.lockstep.device.Activation;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.Stream;
import dev.lockstep.job.LayerConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

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
     * @param seconds  median
     */
    public record Product(String name, long m, long n, long k, double seconds) {
        public double gigaflops() {
            return 2.0 * m * n * k / seconds * 1e-9;
        }
    }

    /** @param secondsPerStep median of the sum over a step */
    public record Result(List<Product> products, double secondsPerStep) {
        /** Of all products together. */
        public double gigaflops() {
            return products.stream().mapToDouble(p -> 2.0 * p.m() * p.n() * p.k()).sum() / secondsPerStep * 1e-9;
        }
    }

    private record Prepared(String name, long m, long n, long k, Operation operation) {
    }

    private static final int WARM_UP_STEPS = 3;

    private final Device device;
    private final Stream stream;
    private final SplittableRandom random = new SplittableRandom(0);
    private final List<Prepared> prepared = new ArrayList<>();

    public GemmBenchmark(Device device, List<LayerConfig> model, int batch) {
        this.device = device;
        stream = device.computeStream();
        Operations operations = device.operations();
        List<Prepared> backward = new ArrayList<>();
        boolean first = true;
        for (int i = 0; i < model.size(); i++) {
            if (model.get(i) instanceof LayerConfig.LinearLayer linear) {
                Matrix x = filled(batch, linear.in());
                Matrix weight = filled(linear.out(), linear.in());
                Matrix y = filled(batch, linear.out());
                Matrix weightGradient = filled(linear.out(), linear.in());
                prepared.add(new Prepared(i + " forward", batch, linear.out(), linear.in(),
                        operations.linearForward(x, weight, null, y, Activation.IDENTITY)));
                List<Prepared> layer = new ArrayList<>();
                layer.add(new Prepared(i + " weight gradient", linear.out(), linear.in(), batch,
                        operations.linearBackwardWeight(x, y, weightGradient, 0, false)));
                if (!first) {
                    Matrix xGradient = filled(batch, linear.in());
                    layer.add(new Prepared(i + " input gradient", batch, linear.in(), linear.out(),
                            operations.linearBackwardInput(y, weight, xGradient, Activation.IDENTITY, null, null)));
                }
                backward.addAll(0, layer);
                first = false;
            }
        }
        prepared.addAll(backward);
    }

    /** Values of either sign, so that no sum grows large and no product is of zeros. */
    private Matrix filled(int rows, int columns) {
        Matrix matrix = Matrix.allocate(device, DataType.FLOAT32, rows, columns);
        ByteBuffer row = ByteBuffer.allocateDirect(Math.multiplyExact(columns, Float.BYTES))
                .order(ByteOrder.nativeOrder());
        for (int i = 0; i < rows; i++) {
            row.clear();
            for (int j = 0; j < columns; j++) {
                row.putFloat((float) (random.nextDouble() - 0.5));
            }
            matrix.rows(i, 1).data().copyFromHost(row.flip());
        }
        return matrix;
    }

    /** Runs whole steps for about {@code seconds}, at least three. */
    public Result run(double seconds) {
        List<double[]> steps = new ArrayList<>();
        for (int i = 0; i < WARM_UP_STEPS; i++) {
            step();
        }
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (steps.size() < 3 || System.nanoTime() - end < 0) {
            steps.add(step());
        }
        List<Product> products = new ArrayList<>();
        for (int i = 0; i < prepared.size(); i++) {
            int index = i;
            Prepared p = prepared.get(i);
            products.add(new Product(p.name(), p.m(), p.n(), p.k(),
                    median(steps.stream().mapToDouble(times -> times[index]).toArray())));
        }
        return new Result(products, median(steps.stream().mapToDouble(times -> Arrays.stream(times).sum()).toArray()));
    }

    /** Seconds of each product. */
    private double[] step() {
        double[] seconds = new double[prepared.size()];
        for (int i = 0; i < seconds.length; i++) {
            long start = System.nanoTime();
            prepared.get(i).operation().enqueue(stream);
            stream.synchronize();
            seconds[i] = (System.nanoTime() - start) * 1e-9;
        }
        return seconds;
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        int middle = values.length / 2;
        return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}

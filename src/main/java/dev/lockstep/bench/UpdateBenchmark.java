package dev.lockstep.bench;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Activation;
import dev.lockstep.device.AdamHyperparameters;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.SgdHyperparameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The optimizers' updates of many parameters beside a plain copy, all of which only move memory: the copy's bandwidth is
 * what they can reach. They take turns, so that a drift of the machine meets all alike.
 */
public final class UpdateBenchmark {
    /** Arrays of as many floats as there are parameters: parameters, gradients, two of state. */
    public static final int ARRAYS = 4;

    private static final int WARM_UPS = 2;
    private static final int FEWEST_TURNS = 5;
    /** Arrays are filled with these, again and again. */
    private static final int NUMBERS = 1 << 16;

    /**
     * @param bytesPerParameter that must be read and written
     * @param seconds           median
     */
    public record Row(String name, int bytesPerParameter, double seconds, double gigabytesPerSecond, double shareOfCopy) {
    }

    private record Prepared(String name, int arraysMoved, Operation operation) {
        int bytesPerParameter() {
            return arraysMoved * Float.BYTES;
        }
    }

    private final Device device;
    private final long parameterCount;
    /** The copy first. */
    private final List<Prepared> prepared;

    public UpdateBenchmark(Device device, long parameterCount) {
        this.device = device;
        this.parameterCount = parameterCount;
        DeviceBuffer parameters = filled(0);
        DeviceBuffer gradients = filled(1);
        DeviceBuffer average = filled(2);
        DeviceBuffer squares = filled(3);
        DeviceBuffer sgd = numbers(DataType.FLOAT32, SgdHyperparameters.LENGTH, 1e-6, 0, 0.9, 0.9, 1);
        DeviceBuffer adam = numbers(DataType.FLOAT64, AdamHyperparameters.LENGTH, 1e-6, 0.1, 0.999, 1e-3, 1, 1e-8, 0, 1);
        prepared = List.of(
                new Prepared("copy", 2, device.operations().activationForward(Activation.IDENTITY, gradients, average)),
                new Prepared("sgd", 3, device.operations().sgd(parameters, gradients, null, sgd, false, null)),
                new Prepared("sgd with momentum", 5,
                        device.operations().sgd(parameters, gradients, average, sgd, false, null)),
                new Prepared("adam", 7, device.operations().adam(parameters, gradients, average, squares, adam, null)));
    }

    /** Of 0.5 to 1.5: neither zeros nor denormal numbers, nor roots of what is negative. */
    private DeviceBuffer filled(int shift) {
        DeviceBuffer buffer = device.allocate(DataType.FLOAT32, parameterCount);
        ByteBuffer numbers = ByteBuffer.allocateDirect(NUMBERS * Float.BYTES).order(ByteOrder.nativeOrder());
        for (int i = 0; i < NUMBERS; i++) {
            numbers.putFloat(0.5f + (31 * i + shift) % 1024 / 1024f);
        }
        for (long first = 0; first < parameterCount; first += NUMBERS) {
            DeviceBuffer part = buffer.slice(first, Math.min(NUMBERS, parameterCount - first));
            part.copyFromHost(numbers.clear().limit((int) part.byteCount()));
        }
        return buffer;
    }

    private DeviceBuffer numbers(DataType type, int length, double... values) {
        DeviceBuffer buffer = device.allocate(type, length);
        ByteBuffer host = ByteBuffer.allocateDirect((int) buffer.byteCount()).order(ByteOrder.nativeOrder());
        Arrays.stream(values).forEach(value -> {
            if (type == DataType.FLOAT64) {
                host.putDouble(value);
            } else {
                host.putFloat((float) value);
            }
        });
        buffer.copyFromHost(host.flip());
        return buffer;
    }

    /** Takes turns for about {@code seconds}, at least five times; each time is the largest of all ranks. Collective. */
    public List<Row> run(double seconds, Communicator communicator) {
        for (int i = 0; i < WARM_UPS; i++) {
            turn();
        }
        communicator.barrier();
        List<double[]> turns = new ArrayList<>();
        long end = System.nanoTime() + (long) (seconds * 1e9);
        while (turns.size() < FEWEST_TURNS || System.nanoTime() - end < 0) {
            turns.add(turn());
        }
        double[] medians = IntStream.range(0, prepared.size())
                .mapToDouble(i -> Statistics.median(turns.stream().mapToDouble(turn -> turn[i]).toArray())).toArray();
        double[] slowest = StepBenchmark.maximum(communicator, medians);
        return IntStream.range(0, slowest.length).mapToObj(i -> {
            int bytes = prepared.get(i).bytesPerParameter();
            double secondsPerByte = slowest[i] / bytes;
            return new Row(prepared.get(i).name, bytes, slowest[i], parameterCount * 1e-9 / secondsPerByte,
                    slowest[0] / prepared.get(0).bytesPerParameter() / secondsPerByte);
        }).toList();
    }

    private double[] turn() {
        double[] seconds = new double[prepared.size()];
        for (int i = 0; i < seconds.length; i++) {
            long start = System.nanoTime();
            prepared.get(i).operation.enqueue(device.computeStream());
            device.computeStream().synchronize();
            seconds[i] = (System.nanoTime() - start) * 1e-9;
        }
        return seconds;
    }
}

package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Operation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Where training stands, for the layers that draw random numbers: what they draw follows from the job's seed, the rank,
 * the step, the micro-batch of the step and the layer, and from nothing else. The two numbers that change lie in the
 * device's memory and are counted there, so that a graph draws anew each time that it runs.
 */
public final class Randomness {
    private final Device device;
    private final long seed;
    private final int rank;
    /** INT32 [2]: the step, from 1 on once {@link #nextStep} has run, and the micro-batch of it, from 0 on. */
    private final DeviceBuffer counters;
    /** Whether any layer draws; steps of a model without spare the counting. */
    private boolean used;

    public Randomness(Device device, long seed, int rank) {
        this.device = device;
        this.seed = seed;
        this.rank = rank;
        counters = device.allocate(DataType.INT32, LayerOperations.COUNTERS);
    }

    /** Sets the number of steps taken, before any or when training is resumed. */
    public void setSteps(long steps) {
        ByteBuffer host = ByteBuffer.allocateDirect(LayerOperations.COUNTERS * Integer.BYTES).order(ByteOrder.nativeOrder());
        host.putInt(0, (int) steps);
        counters.copyFromHost(host);
    }

    /** To be enqueued before the first forward of each step. */
    public Operation nextStep() {
        return countUp(LayerOperations.STEP_COUNTER);
    }

    /** To be enqueued before each further forward of a step. */
    public Operation nextMicroBatch() {
        return countUp(LayerOperations.MICRO_BATCH_COUNTER);
    }

    private Operation countUp(int counter) {
        Operation operation = device.operations().layers().countUp(counters, counter);
        return stream -> {
            if (used) {
                operation.enqueue(stream);
            }
        };
    }

    /** What a layer draws from. */
    LayerOperations.RandomSource source(int layer) {
        used = true;
        return new LayerOperations.RandomSource(counters, seed, rank, layer);
    }
}

package dev.lockstep.ddp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Activation;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.cpu.CpuHeap;
import dev.lockstep.nn.ActivationModule;
import dev.lockstep.nn.Linear;
import dev.lockstep.nn.Sequential;
import dev.lockstep.optim.SgdSettings;
import dev.lockstep.testing.RankThreads;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whole training steps on the CPU, on a full and a short batch in turn, allocate nothing. */
@Timeout(60)
class SteadyStateTest {
    private static final int WARM_UP_STEPS = 20;
    private static final int STEPS = 100;
    private static final int WINDOWS = 4;
    private static final int IN = 784;
    private static final int[] BATCH_SIZES = {64, 17};
    /** Its first product is large enough for the CPU's large kernels, the others are not. */
    private static final Sequential LARGE = model(700);
    /** Summing over ranks that are threads is slow. */
    private static final Sequential SMALL = model(33);
    private static final Replica.Sizes SIZES = new Replica.Sizes(1 << 14, 1 << 20, 1 << 14);

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    void shouldAllocateNothingOnTheJavaHeapWithOneRank() {
        try (Communicator communicator = new SingleRank()) {
            assertNoJavaAllocation(communicator, LARGE);
        }
    }

    @Test
    void shouldAllocateNothingOnTheJavaHeapWithOverlap() {
        RankThreads.run(2, Duration.ofSeconds(60), communicator -> assertNoJavaAllocation(communicator, SMALL));
    }

    /**
     * The best of several windows: when the Java compiler takes up a method, the thread that runs it makes the strings
     * that the method could need, once. A step that allocates does so in every window.
     */
    private void assertNoJavaAllocation(Communicator communicator, Sequential model) {
        try (Device device = new CpuDevice(1)) {
            Replica replica = replica(device, communicator, model);
            for (int step = 0; step < WARM_UP_STEPS; step++) {
                stepOfEachSize(replica);
                threads.getCurrentThreadAllocatedBytes();
            }
            long fewest = Long.MAX_VALUE;
            for (int window = 0; window < WINDOWS; window++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int step = 0; step < STEPS; step++) {
                    stepOfEachSize(replica);
                }
                fewest = Math.min(fewest, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, fewest, "bytes in " + STEPS + " steps");
        }
    }

    /**
     * The Java compiler's threads use the C library's heap, too, now and then; a step that keeps memory keeps it every
     * time. Hence the median.
     */
    @Test
    void shouldNotMakeTheNativeHeapGrow() {
        try (Communicator communicator = new SingleRank(); Device device = new CpuDevice(1)) {
            Replica replica = replica(device, communicator, LARGE);
            for (int step = 0; step < WARM_UP_STEPS; step++) {
                stepOfEachSize(replica);
            }
            long deviceBytes = device.allocatedBytes();
            long[] growthBytes = new long[STEPS];
            for (int step = 0; step < STEPS; step++) {
                long before = CpuHeap.bytesInUse();
                stepOfEachSize(replica);
                growthBytes[step] = CpuHeap.bytesInUse() - before;
            }
            Arrays.sort(growthBytes);
            assertEquals(0, growthBytes[STEPS / 2], "bytes that a step keeps");
            assertEquals(deviceBytes, device.allocatedBytes());
        }
    }

    /** Every activation, fused and not. */
    private static Sequential model(int hidden) {
        return new Sequential(List.of(new Linear(IN, hidden), new ActivationModule(Activation.RELU),
                new Linear(hidden, 40), new ActivationModule(Activation.GELU), new Linear(40, 30),
                new ActivationModule(Activation.SIGMOID), new Linear(30, 20), new ActivationModule(Activation.TANH),
                new ActivationModule(Activation.RELU), new Linear(20, 10)));
    }

    private static Replica replica(Device device, Communicator communicator, Sequential model) {
        Replica replica = new Replica(device, communicator, model, IN, new SgdSettings(0.01, 0.9, 1e-4, 0, true), SIZES,
                true, BATCH_SIZES);
        Random random = new Random(20);
        for (int batch = 0; batch < BATCH_SIZES.length; batch++) {
            int samples = BATCH_SIZES[batch] * communicator.size();
            replica.load(batch, random.doubles(samples * IN, 0, 1).toArray(), random.ints(samples, 0, 10).toArray());
        }
        return replica;
    }

    private static void stepOfEachSize(Replica replica) {
        for (int batch = 0; batch < BATCH_SIZES.length; batch++) {
            replica.step(batch);
        }
    }
}

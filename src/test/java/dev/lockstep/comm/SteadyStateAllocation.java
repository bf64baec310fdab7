package dev.lockstep.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.sun.management.ThreadMXBean;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.stream.LongStream;

/** Counts what a thousand reductions allocate: on the Java heap by both threads, and as direct buffers. */
public final class SteadyStateAllocation {
    private static final int WARM_UP = 2_000;
    private static final int REDUCTIONS = 1_000;
    /** The best one counts: the thread that runs a method which the JVM takes up to compile makes its strings, once. */
    private static final int WINDOWS = 4;

    private SteadyStateAllocation() {}

    /** All ranks call it. */
    public static void assertNone(Communicator communicator, String communicationThread) {
        ByteBuffer[] buffers = new ByteBuffer[4];
        AllReduce[] reductions = new AllReduce[buffers.length];
        for (int k = 0; k < buffers.length; k++) {
            buffers[k] = CommunicatorContract.floats(1000 + k);
            reductions[k] = communicator.prepareAllReduce(buffers[k]);
        }
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long ownId = Thread.currentThread().getId();
        long[] theirIds = threadIds(communicationThread);
        BufferPoolMXBean direct = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .findFirst()
                .orElseThrow();
        reduce(reductions, WARM_UP);
        communicator.barrier();
        long directBytes = direct.getMemoryUsed();
        long fewestOwn = Long.MAX_VALUE;
        long fewestTheirs = Long.MAX_VALUE;
        for (int i = 0; i < WINDOWS; i++) {
            long theirs = LongStream.of(threads.getThreadAllocatedBytes(theirIds)).sum();
            // Asking about the thread that asks allocates nothing the second time, and comes innermost.
            threads.getThreadAllocatedBytes(ownId);
            long own = threads.getThreadAllocatedBytes(ownId);
            reduce(reductions, REDUCTIONS);
            fewestOwn = Math.min(fewestOwn, threads.getThreadAllocatedBytes(ownId) - own);
            fewestTheirs = Math.min(fewestTheirs, LongStream.of(threads.getThreadAllocatedBytes(theirIds)).sum() - theirs);
        }
        assertEquals(0, fewestOwn, "bytes allocated by the calling thread");
        assertEquals(0, fewestTheirs, "bytes allocated by the communication thread");
        assertEquals(directBytes, direct.getMemoryUsed(), "bytes of direct buffers");
    }

    private static void reduce(AllReduce[] reductions, int count) {
        for (int k = 0; k < count; k += reductions.length) {
            for (AllReduce reduction : reductions) {
                reduction.start();
            }
            for (AllReduce reduction : reductions) {
                while (!reduction.isDone() && k % 3 == 0) {
                    Thread.onSpinWait();
                }
                reduction.await();
            }
            reductions[0].run();
        }
    }

    /** Of all threads of that name, so that one left over from another test cannot stand in for the one meant. */
    private static long[] threadIds(String name) {
        long[] ids = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals(name))
                .mapToLong(Thread::getId)
                .toArray();
        assertNotEquals(0, ids.length, "no thread is named " + name);
        return ids;
    }
}

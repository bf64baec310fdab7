package dev.lockstep.data;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Counts what a piece of code allocates on the Java heap. */
final class Allocations {
    private static final int WARM_UP = 100;

    private Allocations() {
    }

    /** Bytes that this thread allocates in one run of {@code code}, once classes are loaded and caches are filled. */
    static long bytesOf(Runnable code) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int i = 0; i < WARM_UP; i++) {
            code.run();
            threads.getCurrentThreadAllocatedBytes();
        }
        long before = threads.getCurrentThreadAllocatedBytes();
        code.run();
        return threads.getCurrentThreadAllocatedBytes() - before;
    }
}

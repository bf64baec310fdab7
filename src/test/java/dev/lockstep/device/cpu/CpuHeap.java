package dev.lockstep.device.cpu;

/** Shows the C library's heap to tests of other packages. */
public final class CpuHeap {
    private CpuHeap() {
    }

    /** What it has handed out, in bytes, to all threads of the process. */
    public static long bytesInUse() {
        return CpuKernels.heapBytesInUse();
    }
}

package dev.lockstep.comm.mpi;

import dev.lockstep.comm.CommunicationThread;

/**
 * For ranks without a core to spare: knows whether the thread that computes wants the communication thread's core, and has that
 * one sleep between two looks for MPI's messages meanwhile, where the library for it is preloaded (src/main/native/threads).
 */
final class SharedCore implements CommunicationThread.Neighbour {
    private static final String LIBRARY = "lockstep_threads";

    private final boolean preloaded = isPreloaded();
    private volatile boolean shared;
    private volatile boolean callerWaits;
    private volatile Thread communicationThread;

    /** Whether the launcher has put the library in front of all others; elsewhere MPI's own waiting stays. */
    static boolean isPreloaded() {
        String preloaded = System.getenv("LD_PRELOAD");
        return preloaded != null && preloaded.contains(System.mapLibraryName(LIBRARY));
    }

    SharedCore() {
        if (preloaded) {
            System.loadLibrary(LIBRARY);
        }
    }

    void setShared(boolean shared) {
        this.shared = shared;
        tellComputing(shared);
    }

    /** Whether the calling thread takes its core from the other while it looks for messages. */
    boolean isContended() {
        return shared && !callerWaits && Thread.currentThread() == communicationThread;
    }

    @Override
    public void communicationThreadStarts() {
        communicationThread = Thread.currentThread();
        if (preloaded) {
            enter();
        }
    }

    @Override
    public void callerWaits() {
        callerWaits = true;
        if (shared) {
            tellComputing(false);
        }
    }

    @Override
    public void callerGoesOn() {
        callerWaits = false;
        if (shared) {
            tellComputing(true);
        }
    }

    private void tellComputing(boolean computing) {
        if (preloaded) {
            setComputing(computing);
        }
    }

    private static native void enter();

    private static native void setComputing(boolean computing);
}

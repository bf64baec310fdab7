package dev.lockstep.comm.mpi;

import dev.lockstep.comm.CommunicationThread;

/**
 * Has the communication thread sleep between two looks for messages while the other thread computes: for ranks without a core
 * to spare (src/main/native/threads).
 */
final class SharedCore implements CommunicationThread.Neighbour {
    private static final String LIBRARY = "lockstep_threads";

    private volatile boolean shared;

    /** Whether the launcher has put the library in front of all others; elsewhere MPI's own waiting stays. */
    static boolean isPossible() {
        String preloaded = System.getenv("LD_PRELOAD");
        return preloaded != null && preloaded.contains(System.mapLibraryName(LIBRARY));
    }

    SharedCore() {
        System.loadLibrary(LIBRARY);
    }

    void setShared(boolean shared) {
        this.shared = shared;
        setComputing(shared);
    }

    @Override
    public void communicationThreadStarts() {
        enter();
    }

    @Override
    public void callerWaits() {
        if (shared) {
            setComputing(false);
        }
    }

    @Override
    public void callerGoesOn() {
        if (shared) {
            setComputing(true);
        }
    }

    private static native void enter();

    private static native void setComputing(boolean computing);
}

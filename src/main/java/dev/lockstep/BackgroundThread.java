package dev.lockstep;

/**
 * Daemon threads for work that must not take the core from computing: at the lowest priority they get little more than what
 * the others leave of it, and all of it while those wait. Where the library that says so to the kernel is not there, they have
 * the priority of any other.
 */
public final class BackgroundThread {
    private static final String LIBRARY = "lockstep_threads";

    private BackgroundThread() {
    }

    /** Not started yet. */
    public static Thread of(String name, Runnable body) {
        Thread thread = new Thread(() -> {
            if (hasLibrary()) {
                lowerPriority();
            }
            body.run();
        }, name);
        thread.setDaemon(true);
        return thread;
    }

    private static boolean hasLibrary() {
        try {
            System.loadLibrary(LIBRARY);
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    private static native void lowerPriority();
}

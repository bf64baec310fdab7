package dev.lockstep.comm.mpi;

/** Prints how many microseconds the fastest of many yields takes: of the communication thread while somebody computes; then not. */
final class YieldMain {
    private static final int YIELDS = 200;

    private YieldMain() {
    }

    public static void main(String[] args) throws InterruptedException {
        System.out.println(SharedCore.isPreloaded());
        SharedCore core = new SharedCore();
        Thread communication = new Thread(() -> {
            core.communicationThreadStarts();
            core.setShared(true);
            System.out.println(fastest());
            core.callerWaits();
            System.out.println(fastest());
            core.callerGoesOn();
            System.out.println(fastest());
            core.setShared(false);
            core.callerGoesOn();
            System.out.println(fastest());
        });
        communication.start();
        communication.join();
        core.setShared(true);
        System.out.println(fastest());
    }

    private static long fastest() {
        long fastest = Long.MAX_VALUE;
        for (int i = 0; i < YIELDS; i++) {
            long begin = System.nanoTime();
            Thread.yield();
            fastest = Math.min(fastest, System.nanoTime() - begin);
        }
        return fastest / 1000;
    }
}

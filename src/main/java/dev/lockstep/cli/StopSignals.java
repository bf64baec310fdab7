package dev.lockstep.cli;

import java.lang.reflect.Proxy;
import java.util.function.BooleanSupplier;

/**
 * The signals that ask a run to stop with a checkpoint: USR1, which schedulers send ahead of a time limit, at any time; TERM
 * and INT while it trains, for before that there is nothing to keep. A second TERM or INT ends the process at once.
 */
final class StopSignals implements BooleanSupplier {
    /** As shells report a process that a signal has ended. */
    private static final int KILLED_BY = 128;
    private static final int TERM = 15;
    private static final int INT = 2;

    /** mpirun 4.1 sends TERM to a rank and at once again to its process group: one request. */
    private static final long SAME_REQUEST_NANOS = 500_000_000L;

    private volatile boolean requested;
    /** Touched by the JVM's signal threads, under this. */
    private boolean ending;
    private long endingSinceNanos;

    /** Takes USR1 from now on. */
    StopSignals() {
        handle("USR1", () -> requested = true);
    }

    /** Takes TERM and INT from now on. */
    void trainingBegins() {
        handle("TERM", () -> stop(TERM));
        handle("INT", () -> stop(INT));
    }

    private synchronized void stop(int signal) {
        long now = System.nanoTime();
        if (ending && now - endingSinceNanos > SAME_REQUEST_NANOS) {
            Runtime.getRuntime().halt(KILLED_BY + signal);
        }
        if (!ending) {
            ending = true;
            endingSinceNanos = now;
        }
        requested = true;
    }

    /** Whether this process has been asked to stop. */
    @Override
    public boolean getAsBoolean() {
        return requested;
    }

    /** By reflection, as the compiler warns of every mention of sun.misc, the only API that there is, and cannot be told not to. */
    private static void handle(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object calling = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler},
                    (proxy, method, arguments) -> {
                        action.run();
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), calling);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this Java runtime lets no program take the signal " + name
                    + "; use one with the module jdk.unsupported", e);
        }
    }
}

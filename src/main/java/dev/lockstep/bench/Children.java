package dev.lockstep.bench;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** Runs processes, one after the other, and leaves none behind. */
final class Children {
    /** mpirun gives its ranks a second between TERM and KILL; srun may take longer. */
    private static final Duration TO_END_ITSELF = Duration.ofSeconds(15);
    private static final Duration TO_BE_KILLED = Duration.ofSeconds(5);
    private static final String MARK = "LOCKSTEP_CHILDREN";

    /** In the environment of all that is started here, however far below: what has lost its parent is found by it. */
    private final String mark = UUID.randomUUID().toString();
    /** The one that runs; null where none does. Guarded by this, as is {@code stopped}. */
    private Process running;
    private boolean stopped;

    /**
     * Runs a command to its end, or ends it when its time is over. What it has left running on this machine is ended, too.
     *
     * @param environment added to that of this process
     * @return its exit status; none if it was ended
     * @throws IOException if it cannot be started
     */
    OptionalInt run(List<String> command, Map<String, String> environment, Path stdout, Path stderr, Duration limit)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectInput(new File("/dev/null"))
                .redirectOutput(stdout.toFile()).redirectError(stderr.toFile());
        builder.environment().putAll(environment);
        builder.environment().put(MARK, mark);
        Process process;
        synchronized (this) {
            if (stopped) {
                return OptionalInt.empty();
            }
            process = builder.start();
            running = process;
        }
        try {
            boolean ended = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
            end(process);
            return ended && !isStopped() ? OptionalInt.of(process.exitValue()) : OptionalInt.empty();
        } catch (InterruptedException e) {
            end(process);
            Thread.currentThread().interrupt();
            return OptionalInt.empty();
        } finally {
            synchronized (this) {
                running = null;
            }
        }
    }

    /** Ends the one that runs and lets no other begin. By any thread; returns when it has ended. */
    void stop() {
        Process process;
        synchronized (this) {
            stopped = true;
            process = running;
        }
        if (process != null) {
            end(process);
        }
    }

    synchronized boolean isStopped() {
        return stopped;
    }

    /** By TERM, which lets mpirun end its ranks; by KILL what is still there then. */
    private void end(Process process) {
        process.destroy();
        ends(process.toHandle(), TO_END_ITSELF);
        process.destroyForcibly();
        List<ProcessHandle> left = left();
        left.forEach(ProcessHandle::destroyForcibly);
        left.forEach(child -> ends(child, TO_BE_KILLED));
    }

    private List<ProcessHandle> left() {
        return ProcessHandle.allProcesses().filter(this::isMarked).toList();
    }

    private boolean isMarked(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc", "" + process.pid(), "environ"), StandardCharsets.ISO_8859_1)
                    .contains(MARK + "=" + mark);
        } catch (IOException e) {
            return false; // it has ended, or is somebody else's
        }
    }

    private static void ends(ProcessHandle process, Duration limit) {
        process.onExit().handle((ended, failure) -> failure == null)
                .completeOnTimeout(false, limit.toMillis(), TimeUnit.MILLISECONDS).join();
    }
}

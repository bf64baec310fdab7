package dev.lockstep.cli;

import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** Which hardware threads a process runs on. */
final class Affinity {
    private static final int LIMIT_SECONDS = 5;

    private Affinity() {
    }

    /**
     * Moves all threads of a process to {@code cpus}, in the kernel's notation; those that they start later follow.
     *
     * @return whether they were; where the system has no taskset, or refuses, they stay where they are, which is slower and
     *         no error
     */
    static boolean move(long pid, String cpus) {
        try {
            Process taskset = new ProcessBuilder("taskset", "-a", "-p", "-c", cpus, Long.toString(pid))
                    .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            if (taskset.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                return taskset.exitValue() == 0;
            }
            taskset.destroyForcibly();
        } catch (IOException e) {
            // No taskset here.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return false;
    }
}

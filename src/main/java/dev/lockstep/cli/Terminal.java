package dev.lockstep.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether a person watches this process's output. */
final class Terminal {
    private Terminal() {
    }

    /**
     * True if standard output ends at a terminal. mpirun gives its ranks a terminal of its own making in any case and
     * copies what they write, so under it mpirun's own standard output decides.
     */
    static boolean isWatched(Launch launch) {
        ProcessHandle writer = ProcessHandle.current();
        if (!launch.launcher().equals("itself")) {
            writer = writer.parent().orElse(writer);
        }
        try {
            Path output = Files.readSymbolicLink(Path.of("/proc/" + writer.pid() + "/fd/1"));
            return output.startsWith("/dev/pts") || output.startsWith("/dev/tty") || output.equals(Path.of("/dev/console"));
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }
}

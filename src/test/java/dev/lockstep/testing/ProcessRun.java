package dev.lockstep.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A command to run as a process with a time limit: {@code ProcessRun.command("ls").limit(Duration.ofSeconds(5)).run()}.
 */
public final class ProcessRun {
    private final List<String> command = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();
    private Path directory = Path.of("").toAbsolutePath();
    private Duration limit = Duration.ofSeconds(60);

    private ProcessRun() {}

    /** How a process ended and what it wrote. */
    public record Result(List<String> command, int exitStatus, String stdout, String stderr, Duration elapsed) {
        public List<String> errorLines() {
            return stderr.lines().toList();
        }

        /** For assertion messages. */
        @Override
        public String toString() {
            return String.join(" ", command) + " ended with " + exitStatus + " after " + elapsed.toMillis() + " ms\n"
                    + "stdout:\n" + stdout + "\nstderr:\n" + stderr;
        }
    }

    public static ProcessRun command(String... words) {
        return new ProcessRun().arguments(words);
    }

    public ProcessRun arguments(String... words) {
        command.addAll(List.of(words));
        return this;
    }

    /** Added to the environment of this process. */
    public ProcessRun environment(String name, String value) {
        environment.put(name, value);
        return this;
    }

    public ProcessRun directory(Path newDirectory) {
        directory = newDirectory;
        return this;
    }

    /** From the start to the end; 60 s if not set. */
    public ProcessRun limit(Duration newLimit) {
        limit = newLimit;
        return this;
    }

    /** @throws AssertionError if it does not end within the limit; it and all its descendants are killed then */
    public Result run() {
        try (RunningProcess process = start()) {
            return process.awaitExit();
        }
    }

    /** For tests that act on the process while it runs. Close it. */
    public RunningProcess start() {
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
        builder.environment().putAll(environment);
        try {
            return new RunningProcess(builder.start(), List.copyOf(command), limit);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

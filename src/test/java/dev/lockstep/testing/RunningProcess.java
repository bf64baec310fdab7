package dev.lockstep.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A process of {@link ProcessRun} under way. Its time limit runs from its start, whatever is waited for. */
public final class RunningProcess implements AutoCloseable {
    private static final long KILL_SECONDS = 10;

    private final Process process;
    private final List<String> command;
    private final Duration limit;
    private final long startNanos = System.nanoTime();
    private final Output stdout;
    private final Output stderr;

    RunningProcess(Process process, List<String> command, Duration limit) throws IOException {
        this.process = process;
        this.command = command;
        this.limit = limit;
        process.getOutputStream().close();
        stdout = new Output(process.getInputStream(), "stdout");
        stderr = new Output(process.getErrorStream(), "stderr");
    }

    /** Blocks until stdout holds {@code text}. */
    public void awaitStdout(String text) {
        stdout.await("\"" + text + "\" on stdout", () -> stdout.text.indexOf(text) >= 0);
    }

    /** Blocks until stderr holds {@code text}. */
    public void awaitStderr(String text) {
        stderr.await("\"" + text + "\" on stderr", () -> stderr.text.indexOf(text) >= 0);
    }

    /** Blocks until it has ended and its output, also its descendants', is closed. */
    public ProcessRun.Result awaitExit() {
        stdout.await("the end of stdout", () -> stdout.ended);
        stderr.await("the end of stderr", () -> stderr.ended);
        try {
            if (!process.waitFor(remainingNanos(), TimeUnit.NANOSECONDS)) {
                throw failed("the exit");
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
        return new ProcessRun.Result(
                command,
                process.exitValue(),
                stdout.soFar(),
                stderr.soFar(),
                Duration.ofNanos(System.nanoTime() - startNanos));
    }

    /** To send it signals, or to find its descendants. */
    public ProcessHandle handle() {
        return process.toHandle();
    }

    /** Kills it and its descendants, as far as they still run. */
    @Override
    public void close() {
        // Listed first: when a parent is gone its children cannot be found through it.
        List<ProcessHandle> tree = Stream.concat(process.descendants(), Stream.of(process.toHandle()))
                .toList();
        tree.forEach(ProcessHandle::destroyForcibly);
        for (ProcessHandle killed : tree) {
            killed.onExit().orTimeout(KILL_SECONDS, TimeUnit.SECONDS).join();
        }
    }

    private long remainingNanos() {
        return limit.toNanos() - (System.nanoTime() - startNanos);
    }

    private AssertionError failed(String awaited) {
        boolean late = remainingNanos() <= 0;
        close();
        return new AssertionError((late ? "not within " + limit.toMillis() + " ms: " : "it ended without ")
                + awaited + ": " + String.join(" ", command)
                + "\nstdout so far:\n" + stdout.soFar() + "\nstderr so far:\n" + stderr.soFar());
    }

    private AssertionError interrupted(InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new AssertionError("interrupted while waiting for " + String.join(" ", command), cause);
    }

    /** What a stream has brought so far, read by a thread of its own. */
    private final class Output {
        // Guarded by this.
        private final StringBuilder text = new StringBuilder();
        private boolean ended;

        Output(InputStream stream, String name) {
            Thread reader = new Thread(() -> read(stream), "read-" + name);
            reader.setDaemon(true);
            reader.start();
        }

        private void read(InputStream stream) {
            char[] characters = new char[8192];
            try (Reader reader = new InputStreamReader(stream, StandardCharsets.UTF_8)) {
                for (int count = reader.read(characters); count >= 0; count = reader.read(characters)) {
                    append(new String(characters, 0, count));
                }
            } catch (IOException e) {
                append("[reading ended: " + e.getMessage() + "]");
            } finally {
                end();
            }
        }

        private synchronized void append(String more) {
            text.append(more);
            notifyAll();
        }

        private synchronized void end() {
            ended = true;
            notifyAll();
        }

        synchronized String soFar() {
            return text.toString();
        }

        void await(String awaited, BooleanSupplier condition) {
            synchronized (this) {
                while (!condition.getAsBoolean() && !ended && remainingNanos() > 0) {
                    try {
                        // At least 1 ms: zero would wait without a limit.
                        wait(Math.max(1, TimeUnit.NANOSECONDS.toMillis(remainingNanos())));
                    } catch (InterruptedException e) {
                        throw interrupted(e);
                    }
                }
                if (condition.getAsBoolean()) {
                    return;
                }
            }
            throw failed(awaited);
        }
    }
}

package dev.lockstep.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A process that has ended, and what it wrote. */
public record ProcessRun(int status, String out, String err, double seconds) {
    private static final int LIMIT_SECONDS = 60;

    /** Runs a command to its end; fails if that takes longer than a minute. */
    public static ProcessRun of(Path folder, Map<String, String> environment, List<String> command) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().putAll(environment);
        long start = System.nanoTime();
        Process process = builder.start();
        process.getOutputStream().close();
        CompletableFuture<String> out = CompletableFuture.supplyAsync(() -> readAll(process.getInputStream()));
        CompletableFuture<String> err = CompletableFuture.supplyAsync(() -> readAll(process.getErrorStream()));
        try {
            if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError(command + " did not end within " + LIMIT_SECONDS + " s");
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            return new ProcessRun(process.exitValue(), out.get(LIMIT_SECONDS, TimeUnit.SECONDS),
                    err.get(LIMIT_SECONDS, TimeUnit.SECONDS), seconds);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private static String readAll(InputStream stream) {
        try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The lines {@code lockstep: error: …}, wherever they were written. */
    public List<String> errors() {
        return (out + "\n" + err).lines().filter(line -> line.startsWith("lockstep: error: ")).toList();
    }
}

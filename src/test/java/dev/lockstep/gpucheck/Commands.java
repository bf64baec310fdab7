package dev.lockstep.gpucheck;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The bundle's programs, run within the time that is left; each writes a log. */
final class Commands {
    private final Path home;
    private final Path output;
    private long deadlineNanos;

    /**
     * @param home   of the bundle
     * @param output where logs and the programs' own output go
     */
    Commands(Path home, Path output) {
        this.home = home;
        this.output = output;
    }

    /** Nothing that is started from now on runs for longer. */
    void endBy(long newDeadlineNanos) {
        deadlineNanos = newDeadlineNanos;
    }

    /** {@code ./lockstep ARGUMENTS}, by mpirun where there are several ranks. */
    ProcessRun.Result lockstep(String log, int ranks, List<String> arguments) throws CheckFailedException, IOException {
        List<String> command = new ArrayList<>();
        if (ranks > 1) {
            command.addAll(List.of(home.resolve("bin/mpirun").toString(), "-np", "" + ranks, "--oversubscribe",
                    "--bind-to", "none"));
        }
        command.add(home.resolve("lockstep").toString());
        command.addAll(arguments);
        return run(log, command);
    }

    /** The JSON object that {@code ./lockstep ARGUMENTS} prints. */
    JsonNode json(String log, int ranks, String... arguments) throws CheckFailedException, IOException {
        String text = lockstep(log, ranks, List.of(arguments)).stdout();
        return new JsonMapper().readTree(text.substring(Math.max(0, text.indexOf('{'))));
    }

    /**
     * Trains.
     *
     * @param kind     of the lines of metrics.jsonl to return: step or epoch
     * @param settings KEY=VALUE
     */
    List<JsonNode> train(String log, int ranks, Path job, String kind, String... settings)
            throws CheckFailedException, IOException {
        Path run = output.resolve("run-" + log);
        List<String> arguments = new ArrayList<>(List.of("train", job.toString(), "--output", run.toString()));
        Stream.of(settings).forEach(setting -> arguments.addAll(List.of("--set", setting)));
        try {
            lockstep(log, ranks, arguments);
            return Lockstep.metrics(run, kind);
        } finally {
            delete(run); // its checkpoint may be large
        }
    }

    /** @throws CheckFailedException if it does not end with 0 in time; all that it started is killed then */
    ProcessRun.Result run(String log, List<String> command) throws CheckFailedException, IOException {
        String line = String.join(" ", command);
        Duration left = Duration.ofNanos(deadlineNanos - System.nanoTime());
        if (left.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new CheckFailedException("no time was left for it");
        }
        ProcessRun.Result result;
        try {
            ProcessRun process = ProcessRun.command(command.toArray(String[]::new)).directory(home).limit(left)
                    .environment("OMPI_ALLOW_RUN_AS_ROOT", "1").environment("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
                    // Containers forbid a process to read another one's memory, and each attempt would be reported.
                    .environment("OMPI_MCA_btl_vader_single_copy_mechanism", "none");
            if (!command.get(0).startsWith(home.toString())) {
                // The bundle's libraries would meet the machine's own in its Python.
                for (String variable : List.of("LD_LIBRARY_PATH", "LD_PRELOAD")) {
                    process.environment(variable, withoutBundle(System.getenv().getOrDefault(variable, "")));
                }
            }
            result = process.run();
        } catch (AssertionError e) {
            Files.writeString(output.resolve(log + ".log"), e.getMessage());
            throw new CheckFailedException("did not end within " + left.toSeconds() + " s: " + line);
        }
        Files.writeString(output.resolve(log + ".log"), result + "\n");
        if (result.exitStatus() != 0) {
            throw new CheckFailedException("exit status " + result.exitStatus() + ": " + reason(result).orElse(line));
        }
        return result;
    }

    /** The program's own error line, else the last line that it wrote. */
    private static Optional<String> reason(ProcessRun.Result result) {
        List<String> errors = Lockstep.errors(result);
        return errors.isEmpty() ? Stream.concat(result.stdout().lines(), result.stderr().lines())
                .filter(line -> !line.isBlank()).reduce((a, b) -> b) : Optional.of(errors.get(0));
    }

    private static String withoutBundle(String paths) {
        String bundle = System.getenv().getOrDefault("LOCKSTEP_BUNDLE", "\0");
        return Arrays.stream(paths.split(":")).filter(path -> !path.startsWith(bundle)).collect(Collectors.joining(":"));
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}

package dev.lockstep.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The processes of a job on this machine, as the kernel tells of them. */
final class LocalRanks {
    private LocalRanks() {
    }

    /**
     * Ranks that a signal has stopped: {@code "rank 1 (process 4711)"}.
     *
     * @param own  of the job
     * @param proc where the kernel tells
     */
    static List<String> stopped(Launch own, Path proc) {
        try (Stream<Path> processes = Files.list(proc)) {
            return processes.filter(process -> process.getFileName().toString().matches("[0-9]+"))
                    .filter(LocalRanks::isStopped).flatMap(process -> describe(own, process)).sorted().toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of();
        }
    }

    private static boolean isStopped(Path process) {
        // State:  T (stopped)
        return Machine.field(Machine.lines(process.resolve("status")), "State")
                .filter(state -> state.toUpperCase(Locale.ROOT).startsWith("T")).isPresent();
    }

    private static Stream<String> describe(Launch own, Path process) {
        try {
            Map<String, String> environment = Arrays
                    .stream(Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1).split("\0"))
                    .filter(variable -> variable.contains("="))
                    .collect(Collectors.toMap(variable -> variable.substring(0, variable.indexOf('=')),
                            variable -> variable.substring(variable.indexOf('=') + 1), (first, second) -> first));
            Launch launch = Launch.of(environment);
            return launch.mpi() && launch.failureClaimFile().equals(own.failureClaimFile())
                    ? Stream.of("rank " + launch.rank() + " (process " + process.getFileName() + ")") : Stream.empty();
        } catch (IOException e) {
            // Gone, or another user's.
            return Stream.empty();
        }
    }
}

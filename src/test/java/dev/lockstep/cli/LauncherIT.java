package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LauncherIT {
    private static final Path HOME = Path.of("").toAbsolutePath();
    private static final String LAUNCHER = HOME.resolve("lockstep").toString();

    @TempDir
    private Path folder;

    @Test
    void shouldRunThroughALinkFromAnotherFolder() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("started here"), Path.of(LAUNCHER));

        ProcessRun run = run(Map.of(), link.toString(), "--version");

        Files.delete(link);
        assertEquals(0, run.status(), run::toString);
        assertTrue(run.out().startsWith("lockstep "), run::toString);
        assertEquals("", run.err());
    }

    @Test
    void shouldRunInAFolderWithASpaceInItsName() throws Exception {
        copyProgram(folder.resolve("a b"));

        ProcessRun run = run(Map.of(), "sh", "a b/lockstep", "info");

        assertEquals(0, run.status(), run::toString);
        assertTrue(run.out().contains("threads"), run::toString);
    }

    @Test
    void shouldKeepArgumentsWhole() throws Exception {
        ProcessRun run = Mpirun.of(1, List.of(), List.of(LAUNCHER, "an argument with cp"));

        assertEquals(List.of("lockstep: error: unknown command 'an argument with cp'; see ./lockstep --help"),
                run.errors());
        assertEquals(2, run.status());
    }

    @ParameterizedTest
    @CsvSource({"inform, unknown command 'inform'", "info --jsn, unknown option '--jsn'",
            "info job.yaml, unexpected argument", "'', Missing required subcommand"})
    void shouldRefuseAWrongCommandLineInOneLine(String arguments, String message) throws Exception {
        ProcessRun run = run(Map.of(), "sh", "-c", LAUNCHER + " " + arguments);

        assertEquals(2, run.status(), run::toString);
        assertEquals(1, run.err().lines().count(), run::toString);
        assertTrue(run.err().startsWith("lockstep: error: " + message), run::toString);
    }

    @Test
    void shouldPrintAStackTraceOnlyWhereAskedTo() throws Exception {
        ProcessRun run = run(Map.of("LOCKSTEP_DEBUG", "1"), LAUNCHER, "inform");

        assertEquals(1, run.errors().size());
        assertTrue(run.err().contains("\tat dev.lockstep.cli."), run::toString);
    }

    @Test
    void shouldSayWhatToDoBeforeItIsBuilt() throws Exception {
        Path launcher = Files.copy(Path.of(LAUNCHER), folder.resolve("lockstep"),
                StandardCopyOption.COPY_ATTRIBUTES);

        ProcessRun run = run(Map.of(), launcher.toString(), "info");

        assertEquals(List.of("lockstep: error: the program is not built in " + folder + "; run 'make build' there"),
                run.errors());
        assertEquals(2, run.status());
    }

    @Test
    void shouldRefuseAJavaHomeWithoutJava() throws Exception {
        ProcessRun run = run(Map.of("JAVA_HOME", folder.toString()), LAUNCHER, "info");

        assertEquals(1, run.errors().size());
        assertTrue(run.err().contains("JAVA_HOME is " + folder), run::toString);
        assertEquals(2, run.status());
    }

    @Test
    void shouldIgnoreAClassArchiveThatDoesNotFit() throws Exception {
        Path home = folder.resolve("home");
        copyProgram(home);
        Files.writeString(home.resolve("target/lockstep.jsa"), "no archive");

        ProcessRun run = run(Map.of(), home.resolve("lockstep").toString(), "--version");

        assertEquals(0, run.status(), run::toString);
        assertEquals("", run.err());
        assertEquals(1, run.out().lines().count(), run::toString);
    }

    @Test
    void shouldHandOptionsToTheJvm() throws Exception {
        ProcessRun run = run(Map.of("LOCKSTEP_JAVA_OPTS", "-Xmx64m -XshowSettings:vm"), LAUNCHER, "--version");

        assertTrue(run.err().contains("Max. Heap Size: 64.00M"), run::toString);
    }

    @Test
    void shouldPrintOneTableForAllRanks() throws Exception {
        ProcessRun run = Mpirun.of(3, List.of("--bind-to", "none"), List.of(LAUNCHER, "info", "--json"));

        assertEquals(0, run.status(), run::toString);
        JsonNode info = JsonMapper.builder().build().readTree(run.out());
        assertTrue(info.get("mpi").asText().matches("Open MPI [0-9.]+, 3 ranks started by mpirun"), run::toString);
        assertEquals("cpu", info.get("device").get("name").asText());
        assertEquals(3, info.get("ranks").size());
        for (int rank = 0; rank < 3; rank++) {
            JsonNode row = info.get("ranks").get(rank);
            assertEquals(rank, row.get("rank").asInt());
            assertEquals(rank, row.get("local_rank").asInt());
            assertEquals(3, row.get("local_size").asInt());
            assertFalse(row.get("bound").asBoolean());
            assertEquals(Math.max(1, row.get("cores").asInt() / 3), row.get("threads").asInt());
        }
    }

    @Test
    void shouldShowHelpOnceAndNothingWithIt() throws Exception {
        ProcessRun run = Mpirun.of(2, List.of(), List.of(LAUNCHER, "--help"));

        assertEquals(0, run.status(), run::toString);
        assertEquals(1, run.out().lines().filter(line -> line.startsWith("Usage: lockstep")).count(), run::toString);
    }

    /** As much of the built program as {@code info} needs. */
    private static void copyProgram(Path home) throws IOException {
        Files.createDirectory(home);
        Files.copy(Path.of(LAUNCHER), home.resolve("lockstep"), StandardCopyOption.COPY_ATTRIBUTES);
        for (String part : List.of("target/lockstep.jar", "target/lib", "target/mpi")) {
            try (Stream<Path> files = Files.walk(HOME.resolve(part)).filter(Files::isRegularFile)) {
                for (Path file : (Iterable<Path>) files::iterator) {
                    Path copy = home.resolve(HOME.relativize(file));
                    Files.createDirectories(copy.getParent());
                    Files.copy(file, copy);
                }
            }
        }
    }

    private ProcessRun run(Map<String, String> environment, String... command) throws Exception {
        return ProcessRun.of(folder, environment, List.of(command));
    }
}

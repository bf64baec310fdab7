package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
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

        ProcessRun.Result run = run(Map.of(), link.toString(), "--version");

        Files.delete(link);
        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().startsWith("lockstep "), run::toString);
        assertEquals("", run.stderr());
    }

    @Test
    void shouldRunInAFolderWithASpaceInItsName() throws Exception {
        copyProgram(folder.resolve("a b"));

        ProcessRun.Result run = run(Map.of(), "sh", "a b/lockstep", "info");

        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().contains("threads"), run::toString);
        assertEquals("", run.stderr());
    }

    @Test
    void shouldKeepArgumentsWhole() throws Exception {
        ProcessRun.Result run = Mpirun.ranks(1).arguments(LAUNCHER, "an argument with cp").run();

        assertEquals(List.of("lockstep: error: unknown command 'an argument with cp'; see ./lockstep --help"),
                errors(run));
        assertEquals(2, run.exitStatus());
    }

    @ParameterizedTest
    @CsvSource({"inform, unknown command 'inform'; did you mean info?", "info --jsn, unknown option '--jsn'; did you mean --json?",
            "info job.yaml, unexpected argument", "'', Missing required subcommand"})
    void shouldRefuseAWrongCommandLineInOneLine(String arguments, String message) throws Exception {
        ProcessRun.Result run = run(Map.of(), "sh", "-c", LAUNCHER + " " + arguments);

        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, run.stderr().lines().count(), run::toString);
        assertTrue(run.stderr().startsWith("lockstep: error: " + message), run::toString);
    }

    /** As in a batch job or under cron, where no locale is set. */
    @Test
    void shouldTakeAndPrintNamesBeyondAsciiWithoutALocale() throws Exception {
        ProcessRun.Result run = run(Map.of(), "env", "-i", "PATH=" + System.getenv("PATH"), "sh", "-c",
                LAUNCHER + " 'gr\u00f6\u00dfe'");

        assertEquals(List.of("lockstep: error: unknown command 'gr\u00f6\u00dfe'; see ./lockstep --help"), errors(run));
    }

    @Test
    void shouldPrintAStackTraceOnlyWhereAskedTo() throws Exception {
        ProcessRun.Result run = run(Map.of("LOCKSTEP_DEBUG", "1"), LAUNCHER, "inform");

        assertEquals(1, errors(run).size());
        assertTrue(run.stderr().contains("\tat dev.lockstep.cli."), run::toString);
    }

    @Test
    void shouldSayWhatToDoBeforeItIsBuilt() throws Exception {
        Path launcher = Files.copy(Path.of(LAUNCHER), folder.resolve("lockstep"),
                StandardCopyOption.COPY_ATTRIBUTES);

        ProcessRun.Result run = run(Map.of(), launcher.toString(), "info");

        assertEquals(List.of("lockstep: error: the program is not built in " + folder + "; run 'make build' there"),
                errors(run));
        assertEquals(2, run.exitStatus());
    }

    @Test
    void shouldRefuseAJavaHomeWithoutJava() throws Exception {
        ProcessRun.Result run = run(Map.of("JAVA_HOME", folder.toString()), LAUNCHER, "info");

        assertEquals(1, errors(run).size());
        assertTrue(run.stderr().contains("JAVA_HOME is " + folder), run::toString);
        assertEquals(2, run.exitStatus());
    }

    @Test
    void shouldIgnoreAClassArchiveThatDoesNotFit() throws Exception {
        Path home = folder.resolve("home");
        copyProgram(home);
        Files.writeString(home.resolve("target/lockstep.jsa"), "no archive");

        ProcessRun.Result run = run(Map.of(), home.resolve("lockstep").toString(), "--version");

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals("", run.stderr());
        assertEquals(1, run.stdout().lines().count(), run::toString);
    }

    @Test
    void shouldHandOptionsToTheJvm() throws Exception {
        ProcessRun.Result run = run(Map.of("LOCKSTEP_JAVA_OPTS", "-Xmx64m -XshowSettings:vm"), LAUNCHER, "--version");

        assertTrue(run.stderr().contains("Max. Heap Size: 64.00M"), run::toString);
    }

    @Test
    void shouldPrintOneTableForAllRanks() throws Exception {
        ProcessRun.Result run = Mpirun.ranks(3).arguments(LAUNCHER, "info", "--json").run();

        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode info = JsonMapper.builder().build().readTree(run.stdout());
        assertTrue(info.get("mpi").asText().matches("Open MPI [0-9.]+, 3 ranks started by mpirun"), run::toString);
        assertEquals("cpu", info.get("device").get("name").asText());
        assertEquals(3, info.get("ranks").size());
        for (int rank = 0; rank < 3; rank++) {
            JsonNode row = info.get("ranks").get(rank);
            assertEquals(rank, row.get("rank").asInt());
            assertEquals(rank, row.get("local_rank").asInt());
            assertEquals(3, row.get("local_size").asInt());
            assertEquals(isBoundToSomeCpus(), row.get("bound").asBoolean());
            assertEquals(Math.max(1, row.get("cores").asInt() / 3), row.get("threads").asInt());
        }
    }

    /** As where these tests run in a container that has some of the machine's CPUs. */
    private static boolean isBoundToSomeCpus() throws IOException {
        String usable = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("Cpus_allowed_list:")).findFirst().orElseThrow();
        return !usable.endsWith("\t" + Files.readString(Path.of("/sys/devices/system/cpu/online")).strip());
    }

    @Test
    void shouldShowHelpOnceAndNothingWithIt() throws Exception {
        ProcessRun.Result run = Mpirun.ranks(2).arguments(LAUNCHER, "--help").run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(1, run.stdout().lines().filter(line -> line.startsWith("Usage: lockstep")).count(), run::toString);
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

    private ProcessRun.Result run(Map<String, String> environment, String... command) {
        ProcessRun run = ProcessRun.command(command).directory(folder);
        environment.forEach(run::environment);
        return run.run();
    }

    private static List<String> errors(ProcessRun.Result run) {
        return run.errorLines().stream().filter(line -> line.startsWith("lockstep: error: ")).toList();
    }
}

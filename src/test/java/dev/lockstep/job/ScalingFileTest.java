package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScalingFileTest {
    private static final String MINIMAL = """
            kind: weak
            job: ../jobs/wide.yaml
            batch-size: 64
            """;

    @TempDir
    private Path folder;

    @Test
    void shouldFillInDefaults() throws IOException {
        ScalingConfig config = load(MINIMAL);

        assertEquals(new ScalingConfig(folder.resolve("b.yaml"), ScalingConfig.Kind.WEAK,
                folder.resolveSibling("jobs/wide.yaml"), List.of(), List.of(), 64, 30, 5, 5, OptionalInt.empty(),
                ScalingConfig.Launcher.AUTO, List.of(), OptionalInt.empty(), OptionalInt.empty(),
                Duration.ofMinutes(10)), config);
    }

    @Test
    void shouldReadEveryKey() throws IOException {
        ScalingConfig config = load("""
                kind: strong
                job: wide.yaml
                set: [precision=tf32, 'distributed={chunk: 1MiB, bucket: 2MiB}']
                ranks: [4, 1, 2]
                global-batch: 512
                steps: 7
                warmup: 0
                repeats: 3
                base: 2
                launcher: mpirun
                launcher-arguments: [--hostfile, hosts]
                cores: 8
                cores-per-rank: 2
                time-limit: 90s
                """);

        assertEquals(new ScalingConfig(folder.resolve("b.yaml"), ScalingConfig.Kind.STRONG, folder.resolve("wide.yaml"),
                List.of("precision=tf32", "distributed={chunk: 1MiB, bucket: 2MiB}"), List.of(1, 2, 4), 512, 7, 0, 3,
                OptionalInt.of(2), ScalingConfig.Launcher.MPIRUN, List.of("--hostfile", "hosts"), OptionalInt.of(8),
                OptionalInt.of(2), Duration.ofSeconds(90)), config);
    }

    @Test
    void shouldSetKeysOfTheFileAndOfItsJob() throws IOException {
        ScalingConfig config = load(MINIMAL + "set: [seed=1]\n", "ranks=[1,2]", "seed=3", "repeats=1", "timeout=5s");

        assertEquals(List.of(1, 2), config.ranks());
        assertEquals(1, config.repeats());
        assertEquals(List.of("seed=1", "seed=3", "timeout=5s"), config.sets());
    }

    @Test
    void shouldBeDescribedWholeInTheReadmeOfBenchmarks() throws IOException {
        String readme = Files.readString(Path.of("bench/README.md"));
        String table = readme.substring(readme.indexOf("| key |"), readme.indexOf("- Each rank has the same cores"));
        Set<String> documented = new TreeSet<>();
        table.lines().skip(2).filter(row -> row.startsWith("| `")).forEach(row -> Pattern.compile("`([a-z-]+)`")
                .matcher(row.split("\\|")[1]).results().forEach(key -> documented.add(key.group(1))));

        assertEquals(new TreeSet<>(ScalingFile.KEYS), documented);
    }

    @Test
    void shouldShareNoKeyWithJobs() {
        assertTrue(ScalingFile.KEYS.stream().noneMatch(JobKeys.ALL::contains));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "repeat: 3            | 4: key 'repeat' is unknown; did you mean 'repeats'?",
        "kind: weak           | 4: key 'kind' is given twice; it stands already in line 1",
        "distributed: {}      | 4: key 'distributed' is one of the job's; give it in the list 'set', as in 'set: [\"distributed=…\"]'",
        "global-batch: 64     | 4: 'global-batch' does not go with kind weak, where 'batch-size' stays the same",
        "ranks: 4             | 4: 'ranks' must be auto or a list of numbers of ranks such as [1, 2, 4], not '4'",
        "ranks: []            | 4: 'ranks' is empty; it must be auto or a list of numbers of ranks such as [1, 2, 4]",
        "ranks: [1, 2, 1]     | 4: 'ranks' holds 1 twice; keep one",
        "ranks: [0]           | 4: 'ranks.0' must be a whole number from 1 to 1048576, not '0'",
        "steps: 0             | 4: 'steps' must be a whole number from 1 to 10000000, not '0'",
        "repeats: 1001        | 4: 'repeats' must be a whole number from 1 to 1000, not '1001'",
        "base: one            | 4: 'base' must be a whole number from 1 to 1048576 or auto, not 'one'",
        "launcher: mpiexec    | 4: 'launcher' must be one of auto, mpirun, srun, not 'mpiexec'",
        "launcher-arguments: x | 4: 'launcher-arguments' must be a list of arguments for mpirun or srun, not 'x'",
        "time-limit: 10       | 4: 'time-limit' must be a time above 0, at most 8760h, such as 60s or 5m, not '10'",
        "set: [train.batch-size=3] | 4: the batch is the benchmark's, not the job's: instead of 'train.batch-size=3' set 'batch-size'",
    })
    void shouldNameKeyAndLine(String line, String expected) {
        assertEquals(folder.resolve("b.yaml") + ":" + expected, errorOf(MINIMAL + line + "\n"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "kind: weak          | ``               | 2: required key 'kind' is missing",
        "kind: weak          | kind: strng      | 1: 'kind' must be one of strong, weak, not 'strng'",
        "kind: weak          | kind: strong     | 3: 'batch-size' does not go with kind strong, where 'global-batch' stays the same",
        "job: ../jobs/wide.yaml | ``            | 1: required key 'job' is missing",
        "batch-size: 64      | batch: 64        | 3: key 'batch' is unknown; did you mean 'batch-size'?",
        "batch-size: 64      | ``               | 1: required key 'batch-size' is missing",
    })
    void shouldSayWhatIsMissing(String piece, String replacement, String expected) {
        assertEquals(folder.resolve("b.yaml") + ":" + expected, errorOf(MINIMAL.replace(piece, replacement)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "rank=[1]     | --set rank=[1]: key 'rank' is unknown; did you mean 'ranks'?",
        "train.epoch=1 | --set train.epoch=1: key 'train.epoch' is unknown; did you mean 'train.epochs'?",
        "ranks        | --set ranks: must have the form KEY=VALUE, such as train.epochs=1",
        "ranks=x      | --set ranks=x: 'ranks' must be auto or a list of numbers of ranks such as [1, 2, 4], not 'x'",
    })
    void shouldNameTheOption(String set, String expected) {
        assertEquals(expected, errorOf(MINIMAL, set));
    }

    @Test
    void shouldRefuseABaseThatIsNoneOfTheRanks() {
        assertEquals(folder.resolve("b.yaml") + ":5: 'base' is 4, which is none of 'ranks'; efficiency is relative to one of"
                + " them", errorOf(MINIMAL + "ranks: [1, 2]\nbase: 4\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# nothing\n", "kind", "[kind]"})
    void shouldRefuseWhatIsNoMap(String yaml) {
        assertTrue(errorOf(yaml).startsWith(folder.resolve("b.yaml") + ":"), errorOf(yaml));
        assertTrue(errorOf(yaml).contains("a benchmark file "), errorOf(yaml));
    }

    @Test
    void shouldNameAFileThatIsNotThere() {
        Path missing = folder.resolve("no.yaml");

        assertEquals(missing + ": no such benchmark file",
                assertThrows(InvalidInputException.class, () -> ScalingFile.load(missing, List.of())).getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"bench/strong.yaml", "bench/weak.yaml"})
    void shouldReadTheFilesOfThisRepository(String file) {
        ScalingConfig config = ScalingFile.load(Path.of(file), List.of());

        assertEquals(Path.of("jobs/wide-mlp.yaml"), config.jobFile());
        assertEquals("wide-mlp", JobFile.load(config.jobFile(), config.sets()).name());
    }

    private ScalingConfig load(String yaml, String... sets) throws IOException {
        return ScalingFile.load(Files.writeString(folder.resolve("b.yaml"), yaml), List.of(sets));
    }

    private String errorOf(String yaml, String... sets) {
        return assertThrows(InvalidInputException.class, () -> load(yaml, sets)).getMessage();
    }
}

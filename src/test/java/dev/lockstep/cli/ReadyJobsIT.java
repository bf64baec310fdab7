package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The job files that come with the program, beside the same jobs in PyTorch DDP. */
class ReadyJobsIT {
    private static final double STEP_TOLERANCE = 1e-6;
    /** From when on Adam's divisions by what is almost zero have made rounding visible; it grows tenfold in five steps. */
    private static final int ROUGH_STEP = 20;
    private static final double ROUGH_STEP_TOLERANCE = 1e-3;
    private static final double EPOCH_TOLERANCE = 5e-3;
    private static final Pattern EXPECTED = Pattern.compile(
            "Expect ([0-9.]+) % (?:test|validation) accuracy, a training loss of ([0-9.]+)"
            + " and a (?:test|validation) loss of ([0-9.]+) after the ([0-9]+) epochs");

    @TempDir
    private Path folder;

    static Stream<String> jobs() {
        return cases().map(job -> job.get("name").asText());
    }

    private static Stream<JsonNode> cases() {
        return Golden.cases("training/jobs").stream();
    }

    private static JsonNode golden(String job) {
        return cases().filter(one -> one.get("name").asText().equals(job)).findFirst().orElseThrow();
    }

    private static Path file(String job) {
        return Path.of("jobs", job + ".yaml").toAbsolutePath();
    }

    /** The job file as it is, but for its length, and for its threads, as many as cores otherwise: sums depend on them. */
    @ParameterizedTest
    @MethodSource("jobs")
    void shouldBeginAsPyTorchDoes(String job) throws Exception {
        JsonNode golden = golden(job);
        ProcessRun.Result run = Lockstep.ranks(golden.get("ranks").asInt(), "train", file(job).toString(), "--output",
                folder.resolve("out").toString(), "--set", "train.epochs=1", "--set", "log.every-steps=1",
                "--set", "threads=1")
                .limit(Duration.ofSeconds(180)).run();
        assertEquals(0, run.exitStatus(), run::toString);

        List<JsonNode> steps = Lockstep.metrics(folder.resolve("out"), "step");
        JsonNode expected = golden.get("step_losses");
        assertEquals(50, expected.size());
        for (int i = 0; i < expected.size(); i++) {
            boolean rough = i >= ROUGH_STEP && job.contains("adam");
            near(expected.get(i), steps.get(i).get("loss"), rough ? ROUGH_STEP_TOLERANCE : STEP_TOLERANCE,
                    job + ", step " + (i + 1));
        }
        JsonNode epoch = Lockstep.metrics(folder.resolve("out"), "epoch").get(0);
        near(golden.get("epoch_losses").get(0), epoch.get("train_loss"), EPOCH_TOLERANCE, job + ", epoch 1");
    }

    private static void near(JsonNode expected, JsonNode actual, double tolerance, String what) {
        assertEquals(expected.asDouble(), actual.asDouble(), tolerance * expected.asDouble(), what);
    }

    /** What is written above a job was measured here; PyTorch's differ by what rounding makes of many steps. */
    @ParameterizedTest
    @MethodSource("jobs")
    void shouldPromiseWhatPyTorchReaches(String job) throws IOException {
        JsonNode golden = golden(job);
        String text = Files.readString(file(job)).replaceAll("\\n# *", " ");
        Matcher expected = EXPECTED.matcher(text);
        assertTrue(expected.find(), text);
        JsonNode losses = golden.get("epoch_losses");

        assertEquals(losses.size(), Integer.parseInt(expected.group(4)));
        assertTrue(text.contains(String.format(Locale.ROOT, "epochs: %d\n", losses.size())), text);
        assertEquals(losses.get(losses.size() - 1).asDouble(), Double.parseDouble(expected.group(2)),
                0.02 * losses.get(losses.size() - 1).asDouble());
        assertEquals(golden.get("test_loss").asDouble(), Double.parseDouble(expected.group(3)),
                0.02 * golden.get("test_loss").asDouble());
        assertEquals(100 * golden.get("test_accuracy").asDouble(), Double.parseDouble(expected.group(1)), 0.5);
    }

    @Test
    void shouldKnowEveryJobThatTrainsOnFashionMnist() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("jobs"))) {
            List<String> names = files.map(file -> file.getFileName().toString().replace(".yaml", ""))
                    .filter(name -> name.startsWith("fashion-mnist")).sorted().toList();
            assertEquals(names, jobs().sorted().toList());
        }
    }
}

package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.api.Test;

/** Losses beside those of PyTorch DDP runs on the same data. */
class FidelityIT {
    private static final String JOB = Path.of("jobs/fashion-mnist.yaml").toAbsolutePath().toString();
    private static final double STEP_TOLERANCE = 1e-4;
    /** A tenth of what is asked for. */
    private static final double EPOCH_TOLERANCE = 1e-3;
    private static final long SMALL_JOB_BYTES = 400_000_000;

    @TempDir
    private Path folder;

    static Stream<Arguments> cases() {
        return Golden.cases("training/training").stream().map(golden -> Arguments.of(golden.get("name").asText(), golden));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void shouldTrainAsPyTorchDoes(String name, JsonNode golden) throws Exception {
        train(golden, "data.test=null");

        List<JsonNode> steps = Lockstep.metrics(folder.resolve("out"), "step");
        JsonNode expectedSteps = golden.get("step_losses");
        assertEquals(20, expectedSteps.size());
        for (int i = 0; i < expectedSteps.size(); i++) {
            assertEquals(i + 1, steps.get(i).get("step").asInt());
            near(expectedSteps.get(i), steps.get(i).get("loss"), STEP_TOLERANCE, "step " + (i + 1));
        }
        List<JsonNode> epochs = Lockstep.metrics(folder.resolve("out"), "epoch");
        JsonNode expectedEpochs = golden.get("epoch_losses");
        assertEquals(expectedEpochs.size(), epochs.size());
        for (int i = 0; i < epochs.size(); i++) {
            near(expectedEpochs.get(i), epochs.get(i).get("train_loss"), EPOCH_TOLERANCE, "epoch " + (i + 1));
        }
        JsonNode summary = Lockstep.metrics(folder.resolve("out"), "summary").get(0);
        long resident = summary.get("peak_resident_bytes").asLong();
        assertTrue(resident > 0 && resident < SMALL_JOB_BYTES, summary::toString);
    }

    /** With a learning rate of 0 the parameters at the end are those of the start. */
    @Test
    void shouldGiveAllRanksPyTorchsInitialWeights() throws Exception {
        JsonNode golden = Golden.cases("training/training").get(5);
        train(golden, "data.test=null", "train.epochs=1", "optimizer.sgd.lr=0");
        assertEquals(golden.get("initial_weights").get("sha256").asText(), Lockstep.metrics(folder.resolve("out"), "summary")
                .get(0).get("parameters_sha256").asText());
    }

    private void train(JsonNode golden, String... sets) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("train", JOB, "--output", folder.resolve("out").toString()));
        golden.get("settings").forEach(set -> arguments.addAll(List.of("--set", set.asText())));
        for (String set : sets) {
            arguments.addAll(List.of("--set", set));
        }
        arguments.addAll(List.of("--set", "log.every-steps=1"));
        ProcessRun.Result run = Lockstep.ranks(golden.get("ranks").asInt(), arguments.toArray(String[]::new))
                .limit(Duration.ofSeconds(180)).run();
        assertEquals(0, run.exitStatus(), run::toString);
    }

    private static void near(JsonNode expected, JsonNode actual, double tolerance, String what) {
        assertEquals(expected.asDouble(), actual.asDouble(), tolerance * expected.asDouble(), what);
    }
}

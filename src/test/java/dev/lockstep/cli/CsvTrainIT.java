package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CsvTrainIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        SmallTable.write(folder);
    }

    @Test
    void shouldComeToTheSameEncodingOnAnyNumberOfRanks() throws IOException {
        byte[] expected = null;
        for (int ranks : new int[] {1, 2, 3}) {
            String output = "on-" + ranks;
            ProcessRun.Result run = Lockstep.ranks(ranks, "train", "table.yaml", "--output", output).directory(folder).run();
            assertEquals(0, run.exitStatus(), run::toString);
            byte[] encoding = Files.readAllBytes(folder.resolve(output + "/checkpoints/epoch-0002/preprocessing.json"));
            expected = expected == null ? encoding : expected;
            assertArrayEquals(expected, encoding);
        }
        JsonNode columns = new ObjectMapper().readTree(expected).get("columns");
        assertEquals("[\"green\",\"light, blue\",\"red\"]", columns.get(3).get("categories").toString());
        assertEquals("[\"broad\",\"small\",\"tall\"]", columns.get(4).get("classes").toString());
    }

    @Test
    void shouldEvaluateWithoutTheTrainingData() throws IOException {
        ok(2, "train", "table.yaml", "--output", "out");
        JsonNode trained = Lockstep.metrics(folder.resolve("out"), "summary").get(0);
        Files.delete(folder.resolve("rows-1.csv"));
        for (int ranks : new int[] {1, 2}) {
            JsonNode result = new ObjectMapper().readTree(ok(ranks, "evaluate", "out", "--json").stdout());
            assertEquals(31, result.get("samples").asInt());
            assertEquals(trained.get("test_loss").asDouble(), result.get("loss").asDouble(), 1e-6);
        }
        assertTrue(ok(1, "evaluate", "out", "--split", "validation").stdout().contains("rows-2.csv, 50 samples: loss "));
        Files.writeString(folder.resolve("one.csv"), "id,height,weight,colour,kind\n1,170,,red,tall\n");
        assertTrue(ok(1, "evaluate", "out", "--set", "data.test.files=one.csv").stdout()
                .contains("one.csv, 1 samples: loss "));
    }

    @Test
    void shouldPredictNumbers() throws IOException {
        ok(2, "train", "table.yaml", "--output", "out", "--set", "loss=mse", "--set", "data.train.target=weight", "--set",
                "data.train.categorical=[colour, kind]", "--set", "model=[{linear: {in: 7, out: 1}}]", "--set",
                "optimizer.sgd.lr=0.01");
        JsonNode trained = Lockstep.metrics(folder.resolve("out"), "summary").get(0);
        JsonNode result = new ObjectMapper().readTree(ok(1, "evaluate", "out", "--json").stdout());
        assertEquals(trained.get("test_rmse").asDouble(), result.get("rmse").asDouble(), 1e-5);
        assertEquals(result.get("loss").asDouble(), Math.pow(result.get("rmse").asDouble(), 2), 1e-3);
    }

    @Test
    void shouldRefuseToGoOnWithOtherStatistics() throws IOException {
        ok(1, "train", "table.yaml", "--output", "out");
        ok(2, "train", "table.yaml", "--output", "out", "--resume", "--set", "train.epochs=3");
        Path rows = folder.resolve("rows-1.csv");
        Files.writeString(rows, Files.readString(rows).replaceFirst("\n0,150", "\n0,160"));
        refused("--resume: data.train has other columns, categories or statistics (those of column 1) than"
                + " out/checkpoints/epoch-0003"
                + " was made with; give it the same rows, or start anew with another --output",
                "train", "table.yaml", "--output", "out", "--resume", "--set", "train.epochs=4");
    }

    @Test
    void shouldShowWhatColumnsBecome() {
        String out = ok(1, "validate", "table.yaml").stdout();
        assertTrue(out.contains("90 training samples, 31 test samples and 50 validation samples of 5 features\n"), out);
        assertTrue(out.contains("\n'colour'                 2-4          3 categories: 'green', 'light, blue', 'red'\n"),
                out);
        assertTrue(out.contains("\n'kind'                   -            target, 3 classes: 'broad', 'small', 'tall'\n"),
                out);
    }

    @Test
    void shouldRefuseDataInOneLine() {
        refused("/rows-1.csv:5: column 'height' has no value; correct it, or set data.train.missing to impute", "train",
                "table.yaml", "--set", "data.train.missing=error");
    }

    @ParameterizedTest(name = "--set {0}")
    @CsvSource(delimiter = '|', value = {
        "model=[{linear: {in: 4, out: 3}}]|/rows-1.csv and 1 more has 5 features a sample (2 numeric columns,"
                + " 'colour' 3), but the"
                + " model's first linear layer takes 4; set its in to 5",
        "model=[{linear: {in: 5, out: 2}}]|has label 2, but the model has 2 outputs (0 to 1)",
        "data.train.categorical=[]|/rows-1.csv:2: column 'colour' holds 'red', which is no number",
        "data.train.target=height|/rows-1.csv:2: column 'kind' holds 'small', which is no number; correct it, or name",
        "data.train.files=nowhere.csv|/nowhere.csv does not exist; name a CSV file",
        "data.test.files=small.csv|/small.csv:1: there are 2 columns, but 5 in the training split",
    })
    void shouldFindFaultWithData(String set, String message) throws IOException {
        Files.writeString(folder.resolve("small.csv"), "a,b\n1,2\n");
        String line = LocalRun.refusal(2, folder.resolve("table.yaml"), set);
        assertTrue(line.startsWith("lockstep: error: ") && line.contains(message) && line.lines().count() == 1, line);
    }

    private ProcessRun.Result ok(int ranks, String... arguments) {
        ProcessRun.Result run = (ranks == 1 ? Lockstep.alone(arguments) : Lockstep.ranks(ranks, arguments))
                .directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
        return run;
    }

    private void refused(String message, String... arguments) {
        ProcessRun.Result run = Lockstep.ranks(2, arguments).directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        List<String> errors = Lockstep.errors(run);
        assertEquals(1, errors.size(), run::toString);
        assertTrue(errors.get(0).startsWith("lockstep: error: ") && errors.get(0).contains(message), () -> message + "\n"
                + run);
    }
}

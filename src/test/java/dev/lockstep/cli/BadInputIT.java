package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.data.IdxFiles;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the user has got wrong, as two ranks and the shell see it. */
class BadInputIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
    }

    @ParameterizedTest(name = "--set {0}")
    @CsvSource(delimiter = '|', value = {
        "train.epoch=3|--set train.epoch=3: key 'train.epoch' is unknown; did you mean 'train.epochs'?",
        "data.train.images=nowhere|/nowhere does not exist; name an IDX file of images",
        "model=[{linear: {in: 12, out: 2}}]|has label 2, but the model has 2 outputs (0 to 1)",
        "model=[{linear: {in: 12, out: 2147483647}}, relu, {linear: {in: 2147483647, out: 2147483647}}]"
                + "|not enough memory: the job needs 515",
        "device=cuda|device: cuda is asked for, but ",
        "train={epochs: 1, global-batch: 7}|train.global-batch is 7, which 2 ranks do not divide",
    })
    void shouldRefuseAJobInOneLine(String set, String message) {
        refused(message, "train", "small.yaml", "--set", set);
    }

    /** Found where those above are found. */
    @ParameterizedTest(name = "--set {0}")
    @CsvSource(delimiter = '|', value = {
        "data.train.labels=test-labels|/train-images has 120 images, but",
        "optimizer.sgd={lr: 0.1, nesterov: true}|'optimizer.sgd.nesterov' needs a momentum above 0",
        "model=[{linear: {in: 12, out: 4}}, relu, {linear: {in: 5, out: 3}}]|5",
        "model=[{linear: {in: 13, out: 3}}]|has 12 features a sample, but the model's first linear layer takes 13",
        "data.train={format: synthetic, samples: 1, features: 12, classes: 3}|1 samples, fewer than the 2 ranks",
        "loss=mse|are labels of classes, and loss mse needs numbers",
        "metrics=[{top-k: 4}]|metrics: top-k: 4 of a model with 3 outputs; k can be at most 3",
    })
    void shouldFindFaultWithAJob(String set, String message) {
        refusedHere(message, set);
    }

    @Test
    void shouldRefuseDamagedData() throws IOException {
        byte[] whole = IdxFiles.gzip(SmallJob.images(SmallJob.SAMPLES));
        IdxFiles.write(folder.resolve("train-images"), Arrays.copyOf(whole, whole.length / 2));
        refused("/train-images ", "train", "small.yaml");
        IdxFiles.write(folder.resolve("train-images"), IdxFiles.join(IdxFiles.header(120, 4000, 4000), new byte[12]));
        refusedHere("/train-images ends before the 120 x 4000 x 4000 elements that its header promises; get the file again");
    }

    @Test
    void shouldRefuseAMisspeltAndADuplicateKeyAndBrokenYaml() throws IOException {
        write(SmallJob.YAML.replace("momentum:", "momentun:"));
        refused("small.yaml:10: key 'optimizer.sgd.momentun' is unknown; did you mean 'optimizer.sgd.momentum'?", "train",
                "small.yaml");
        write(SmallJob.YAML + "name: again\n");
        refusedHere("small.yaml:15: ");
        write("name: [small\n");
        refusedHere("small.yaml");
    }

    @Test
    void shouldRefuseAnOutputFolderThatIsTakenOrCannotBe() throws IOException {
        refused("--output " + folder + ": the folder is not empty", "train", "small.yaml", "--output", folder.toString());
        refused("the output folder small.yaml/out cannot be written (", "train", "small.yaml", "--output", "small.yaml/out");
        Files.writeString(folder.resolve("runs"), "a file");
        refused("the output folder runs/small cannot be written (", "train", "small.yaml");
    }

    @Test
    void shouldRefuseAWrongCommandLine() {
        refused("unknown option '--outptu'; did you mean ", "train", "small.yaml", "--outptu", "x");
        refused("nowhere.yaml: no such job file", "train", "nowhere.yaml");
        refused("JOB.yaml", "train");
    }

    private void refused(String message, String... arguments) {
        ProcessRun.Result run = Lockstep.ranks(2, arguments).directory(folder).run();

        assertEquals(2, run.exitStatus(), run::toString);
        List<String> errors = Lockstep.errors(run);
        assertEquals(1, errors.size(), run::toString);
        assertTrue(errors.get(0).startsWith("lockstep: error: "), run::toString);
        assertTrue(errors.get(0).contains(message), () -> message + "\n" + run);
        assertEquals("", run.stdout(), run::toString);
        assertFalse(run.stderr().contains("Exception") || run.stderr().contains("\tat "), run::toString);
        Lockstep.awaitExits(Lockstep.processesOf(folder), 5);
        assertFalse(Files.isDirectory(folder.resolve("runs")), run::toString);
    }

    private void refusedHere(String message, String... sets) {
        String line = LocalRun.refusal(2, folder.resolve("small.yaml"), sets);
        assertTrue(line.startsWith("lockstep: error: ") && line.contains(message) && line.lines().count() == 1, line);
    }

    private void write(String yaml) throws IOException {
        Files.writeString(folder.resolve("small.yaml"), yaml);
    }
}

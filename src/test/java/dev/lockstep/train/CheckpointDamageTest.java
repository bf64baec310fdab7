package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.MemoryFolder;
import dev.lockstep.testing.ScratchFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** No damaged checkpoint is taken, and the one before is. */
class CheckpointDamageTest {
    private static final List<String> FILES = List.of("model.safetensors", "optimizer.safetensors", "state.json");
    private static final Job JOB = SmallJobs.job("train.epochs=3", "checkpoint.every-epochs=1");

    @TempDir(factory = MemoryFolder.class)
    private Path run;
    private Path older;
    private Path newest;
    private final Device device = new ReferenceDevice();
    private Trainer reader;
    private final List<String> warnings = new ArrayList<>();

    @BeforeEach
    void train() throws IOException {
        try (Device device = new ReferenceDevice(); SingleRank communicator = new SingleRank()) {
            TrainingListener listener = new TrainingListener() { };
            new TrainingRun(JOB, SmallJobs.trainer(JOB, device, communicator, listener), communicator, listener,
                    Optional.of(run.resolve("checkpoints")), () -> false).run();
        }
        reader = SmallJobs.trainer(JOB, device, new SingleRank(), new TrainingListener() { });
        older = run.resolve("checkpoints/epoch-0002");
        newest = run.resolve("checkpoints/epoch-0003");
    }

    @AfterEach
    void close() {
        device.close();
    }

    @Test
    void shouldFindEveryChangedByte() throws IOException {
        Random random = new Random(1);
        for (String name : FILES) {
            byte[] whole = Files.readAllBytes(newest.resolve(name));
            for (int i = 0; i < whole.length; i++) {
                byte[] changed = whole.clone();
                changed[i] ^= (byte) (1 + random.nextInt(255));
                ScratchFile.write(newest.resolve(name), changed);
                refused(name);
            }
            Files.write(newest.resolve(name), whole);
        }
        assertEquals(newest, Checkpoint.openWhole(newest).folder());
        assertTrue(isRead(newest));
    }

    @Test
    void shouldFindEveryOtherLength() throws IOException {
        for (String name : FILES) {
            byte[] whole = Files.readAllBytes(newest.resolve(name));
            for (int length = 0; length < whole.length; length++) {
                ScratchFile.write(newest.resolve(name), Arrays.copyOf(whole, length));
                refused(name);
            }
            Files.write(newest.resolve(name), Arrays.copyOf(whole, whole.length + 1));
            refused(name);
            Files.delete(newest.resolve(name));
            refused(name);
            Files.write(newest.resolve(name), whole);
        }
    }

    /** Each file is whole, but not of this checkpoint. */
    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "optimizer.safetensors", "state.json"})
    void shouldFindAFileOfAnotherCheckpoint(String name) throws IOException {
        Files.write(newest.resolve(name), Files.readAllBytes(older.resolve(name)));
        assertThrows(InvalidInputException.class, () -> Checkpoint.openWhole(newest));
        assertFalse(isRead(newest));
    }

    /** That the checkpoint is at fault, and not the job, must not be concluded from a name that is not the model's. */
    @Test
    void shouldRefuseAWholeCheckpointOfAnotherModelAsThat() throws IOException {
        Trainer other = SmallJobs.trainer(SmallJobs.job("model=[{linear: {in: 6, out: 3}}]"), device, new SingleRank(),
                new TrainingListener() { });
        assertTrue(assertThrows(InvalidInputException.class, () -> Checkpoint.open(newest).read(other.replica())).getMessage().contains(", which the model does not have; "));
        byte[] bytes = Files.readAllBytes(newest.resolve("optimizer.safetensors"));
        bytes[bytes.length - 1] ^= 1;
        Files.write(newest.resolve("optimizer.safetensors"), bytes);
        assertFalse(Checkpoint.open(newest).read(other.replica()));
    }

    /** Whether it is looked at beforehand or as it is read. */
    private void refused(String name) {
        String message = assertThrows(InvalidInputException.class, () -> Checkpoint.openWhole(newest)).getMessage();
        assertTrue(message.startsWith("checkpoint " + newest + " is damaged (") && message.contains(name)
                && message.lines().count() == 1, message);
        assertFalse(isRead(newest), name);
    }

    private boolean isRead(Path checkpoint) {
        try {
            return Checkpoint.open(checkpoint).read(reader.replica());
        } catch (InvalidInputException e) {
            assertEquals(e.getMessage(), assertThrows(InvalidInputException.class, () -> Checkpoint.openWhole(checkpoint))
                    .getMessage());
            return false;
        }
    }

    @ParameterizedTest
    @CsvSource({"model.safetensors, the one before is taken", "optimizer.safetensors, the one before is taken",
            "state.json, it is left out"})
    void shouldTakeTheOneBeforeADamagedOne(String name, String what) throws IOException {
        byte[] bytes = Files.readAllBytes(newest.resolve(name));
        bytes[bytes.length / 2] ^= 1;
        Files.write(newest.resolve(name), bytes);
        Resumption found = Resumption.find(run, JOB, 1, 50, warnings::add);
        assertEquals(older, found.checkpoint().orElseThrow().folder());
        assertEquals(List.of("checkpoint " + newest + " is damaged (" + (name.equals("state.json") ? "its " : "") + name
                + " does not have the sum that it was written with); " + what), warnings);
        assertEquals(List.of("from " + older + ": 14 steps are done, 2 of 3 epochs"), found.notices());
    }

    @Test
    void shouldNameDamagedOnesAlsoWhereTheOneBeforeIsOfAnotherJob() throws IOException {
        Path model = newest.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(model);
        bytes[bytes.length / 2] ^= 1;
        Files.write(model, bytes);
        Job other = SmallJobs.job("train.epochs=3", "seed=9");
        assertThrows(InvalidInputException.class, () -> Resumption.find(run, other, 1, 50, warnings::add));
        assertEquals(List.of("checkpoint " + newest + " is damaged (model.safetensors does not have the sum that it was"
                + " written with); the one before is taken"), warnings);
    }

    /** It must not come to be removed for damaged, nor training to begin anew. */
    @Test
    void shouldRefuseToGoOnWhereAnotherVersionHasWritten() throws IOException {
        Path state = older.resolve("state.json");
        String text = Files.readString(state);
        String body = text.substring(0, text.indexOf(",\n  \"sha256_of_the_above\""))
                .replace("\"format\" : " + CheckpointState.FORMAT, "\"format\" : 1");
        Files.writeString(state, body + ",\n  \"sha256_of_the_above\" : \""
                + StartupAgreement.sha256(body.getBytes(StandardCharsets.UTF_8)) + "\"\n}\n");
        String refusal = "checkpoint " + older + " was written by another version (in format 1, and this one reads "
                + CheckpointState.FORMAT + "); use that version";
        assertEquals(refusal, assertThrows(InvalidInputException.class,
                () -> Resumption.find(run, JOB, 1, 50, warnings::add)).getMessage());
        assertEquals(refusal, assertThrows(InvalidInputException.class, () -> Checkpoint.openWhole(older)).getMessage());
    }

    @Test
    void shouldBeginAtTheStartWhereNoneIsWhole() throws IOException {
        try (Stream<Path> checkpoints = Files.list(run.resolve("checkpoints"))) {
            for (Path checkpoint : checkpoints.toList()) {
                Files.delete(checkpoint.resolve("state.json"));
            }
        }
        Resumption found = Resumption.find(run, JOB, 1, 50, warnings::add);
        assertTrue(found.checkpoint().isEmpty());
        assertEquals(3, warnings.size());
        assertEquals(List.of("from the start: there is no whole checkpoint in " + run.resolve("checkpoints")), found.notices());
        assertEquals(List.of("from the start: there is no checkpoint in " + run.resolve("none/checkpoints")),
                Resumption.find(run.resolve("none"), JOB, 1, 50, warnings::add).notices());
    }

    @Test
    void shouldRemoveDamagedAndHalfWrittenOnesWithTheNextCheckpoint() throws IOException {
        Files.delete(newest.resolve("state.json"));
        Files.createDirectories(run.resolve("checkpoints/.writing-epoch-0009/x"));
        Files.createDirectories(run.resolve("checkpoints/.removing-epoch-0001"));
        try (Device device = new ReferenceDevice(); SingleRank communicator = new SingleRank()) {
            Trainer trainer = SmallJobs.trainer(JOB, device, communicator, new TrainingListener() { });
            CheckpointWriter writer = new CheckpointWriter(run.resolve("checkpoints"), 3, trainer.replica(), Optional.empty());
            writer.begin("step-00000099", Checkpoint.state(older));
            writer.finished();
        }
        assertEquals(List.of("epoch-0001", "epoch-0002", "step-00000099"), names());
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(run.resolve("checkpoints"))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void shouldKeepNoStateThatIsNotFinite() {
        for (String arena : List.of("0.bias", "0.bias.momentum_buffer")) {
            try (Device device = new ReferenceDevice(); SingleRank communicator = new SingleRank()) {
                Trainer trainer = SmallJobs.trainer(JOB, device, communicator, new TrainingListener() { });
                List<NamedTensor> all = new ArrayList<>(NamedTensor.parameters(trainer.replica().parameters()));
                all.addAll(NamedTensor.optimizerState(trainer.replica().parameters(), trainer.replica().optimizer()));
                NamedTensor tensor = all.stream().filter(one -> one.name().equals(arena)).findFirst().orElseThrow();
                Buffers.write(tensor.values(), 0, 0, Double.NEGATIVE_INFINITY, 0, 0);
                CheckpointWriter writer = new CheckpointWriter(run.resolve("checkpoints"), 9, trainer.replica(), Optional.empty());
                writer.begin("step-00000099", Checkpoint.state(older));
                assertEquals("element 2 of " + arena + " is -Infinity after step 14: training has diverged; lower the learning"
                        + " rate", assertThrows(TrainingException.class, writer::finished).getMessage());
                assertEquals(List.of("epoch-0001", "epoch-0002", "epoch-0003"), names());
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "seed=1|seed is 1, but CHECKPOINT was made with 0",
        "train.shuffle=false|train.shuffle is false, but CHECKPOINT was made with true",
        "train.drop-last=true|train.drop-last is true, but CHECKPOINT was made with false",
        "model=[{linear: {in: 6, out: 3}}]|model is [{linear:{in:6,out:3}}], but CHECKPOINT was made with [",
        "optimizer.adam={}|the optimizer is optimizer.adam, but CHECKPOINT was made with optimizer.sgd",
        "optimizer.sgd.momentum=0|optimizer.sgd.momentum is 0, but CHECKPOINT was made with 0.9",
        "data.train.seed=4|data.train.seed is 4, but CHECKPOINT was made with 0",
    })
    void shouldRefuseAJobThatCannotGoOn(String set, String message) {
        String found = assertThrows(InvalidInputException.class,
                () -> Resumption.find(run, SmallJobs.job(set), 1, 50, warnings::add)).getMessage();
        assertTrue(found.startsWith("--resume: " + message.replace("CHECKPOINT", newest.toString())), found);
        assertTrue(found.endsWith("; set it back, or start anew with another --output"), found);
    }

    @Test
    void shouldRefuseDataOfAnotherSize() {
        assertEquals("--resume: data.train holds 51 samples, but " + newest + " was made with 50; set it back, or start anew"
                + " with another --output", assertThrows(InvalidInputException.class,
                        () -> Resumption.find(run, JOB, 1, 51, warnings::add)).getMessage());
    }

    @Test
    void shouldSayWhatHasChangedThatBearsOnTheResult() {
        Job job = SmallJobs.job("train.epochs=9", "log.every-steps=1", "timeout=5s", "optimizer.sgd.lr=0.05", "name=other",
                "train.global-batch=8", "schedule.warmup-steps=5", "checkpoint.keep=1",
                "data.test={format: synthetic, samples: 5, features: 6, classes: 3}");
        assertEquals("changed since then: optimizer.sgd.lr from 0.1 to 0.05, schedule.warmup-steps from 0 to 5,"
                + " train.batch-size from 8 to not set, train.global-batch from not set to 8",
                Resumption.find(run, job, 1, 50, warnings::add).notices().get(1));
    }
}

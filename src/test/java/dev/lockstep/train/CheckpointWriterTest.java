package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointWriterTest {
    private static final Position POSITION = new Position(4, 0, 21, Position.Sums.NONE, ValidationProgress.NONE);

    @TempDir
    private Path folder;

    private interface Body {
        void run(Trainer trainer, CheckpointWriter writer) throws IOException;
    }

    @Test
    void shouldWriteTheParametersAsAStateDict() throws Exception {
        trained(3, List.of(), (trainer, writer) -> {
            Path checkpoint = write(writer, "epoch-0003");
            assertEquals(folder.resolve("checkpoints/epoch-0003"), checkpoint);
            assertEquals(Set.of("model.safetensors", "optimizer.safetensors", "state.json"), names(checkpoint));
            SafetensorsFile model = SafetensorsFile.read(checkpoint.resolve("model.safetensors"));
            assertEquals(Map.of("format", "pt"), model.metadata());
            assertEquals(List.of("0.weight", "0.bias", "2.weight", "2.bias"), List.copyOf(model.tensors().keySet()));
            assertArrayEquals(new long[] {5, 6}, model.tensors().get("0.weight").shape());
            assertArrayEquals(new long[] {5}, model.tensors().get("0.bias").shape());
            assertArrayEquals(new long[] {3, 5}, model.tensors().get("2.weight").shape());
            assertArrayEquals(new long[] {3}, model.tensors().get("2.bias").shape());
            for (Parameter parameter : trainer.replica().parameters().modelOrder()) {
                SafetensorsFile.Tensor tensor = model.tensors().get(parameter.name());
                assertEquals("F32", tensor.type());
                assertArrayEquals(Buffers.readFloats(parameter.value()), tensor.values(), parameter.name());
            }
            assertEquals(ParameterHash.of(trainer.replica().parameters(), 0), StartupAgreement.sha256(model.bytes()));
        });
    }

    @Test
    void shouldWriteBuffersAsAStateDictHasThem() throws Exception {
        List<String> normed = List.of("model=[{linear: {in: 6, out: 5}}, batch-norm, {residual: [sync-batch-norm]},"
                + " {linear: {in: 5, out: 3}}]");
        trained(3, normed, (trainer, writer) -> {
            SafetensorsFile model = SafetensorsFile.read(write(writer, "epoch-0003").resolve("model.safetensors"));
            assertEquals(Set.of("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                    "1.num_batches_tracked", "2.0.weight", "2.0.bias", "2.0.running_mean", "2.0.running_var",
                    "2.0.num_batches_tracked", "3.weight", "3.bias"), model.tensors().keySet());
            for (String name : List.of("1.running_mean", "2.0.running_var")) {
                SafetensorsFile.Tensor tensor = model.tensors().get(name);
                assertEquals("F32", tensor.type());
                assertArrayEquals(new long[] {5}, tensor.shape());
                assertArrayEquals(Buffers.readFloats(trainer.replica().buffers().values(name)), tensor.values());
            }
            SafetensorsFile.Tensor batches = model.tensors().get("1.num_batches_tracked");
            assertEquals("I64", batches.type());
            assertArrayEquals(new long[0], batches.shape());
            // Seven steps: the lower half of the number, read as a float.
            assertEquals(Float.intBitsToFloat(7), batches.values()[0]);
            assertEquals(2, batches.values().length);
        });
    }

    @Test
    void shouldWriteTheMomentumOfEachParameter() throws Exception {
        trained(3, List.of(), (trainer, writer) -> {
            Path checkpoint = write(writer, "epoch-0003");
            SafetensorsFile file = SafetensorsFile.read(checkpoint.resolve("optimizer.safetensors"));
            assertEquals(List.of("0.weight.momentum_buffer", "0.bias.momentum_buffer", "2.weight.momentum_buffer",
                    "2.bias.momentum_buffer"), List.copyOf(file.tensors().keySet()));
            float[] momentum = Buffers.readFloats(trainer.replica().optimizer().state().get("momentum_buffer"));
            for (Parameter parameter : trainer.replica().parameters().modelOrder()) {
                float[] values = file.tensors().get(parameter.name() + ".momentum_buffer").values();
                int first = Math.toIntExact(parameter.firstElement());
                assertArrayEquals(Arrays.copyOfRange(momentum, first, first + values.length), values);
                assertTrue(Stream.of(0, values.length - 1).anyMatch(i -> values[i] != 0), parameter.name());
            }
        });
        trained(3, List.of("optimizer.sgd.momentum=0"), (trainer, writer) -> {
            Path checkpoint = write(writer, "without");
            assertEquals(Map.of(), SafetensorsFile.read(checkpoint.resolve("optimizer.safetensors")).tensors());
        });
    }

    @Test
    void shouldSayWhereTrainingStands() throws Exception {
        trained(3, List.of(), (trainer, writer) -> {
            Path checkpoint = write(writer, "epoch-0003", 4);
            JsonNode state = new ObjectMapper().readTree(checkpoint.resolve("state.json").toFile());
            assertEquals(CheckpointState.FORMAT, state.get("format").intValue());
            assertEquals(3, state.get("epoch").intValue());
            assertEquals(21, state.get("step").longValue());
            assertEquals(7, state.get("optimizer_steps").longValue());
            assertEquals(4, state.get("ranks").intValue());
        });
    }

    /** A tensor larger than the pieces that it is written in. */
    @Test
    void shouldWriteLargeTensorsWhole() throws Exception {
        List<String> wide = List.of("model=[{linear: {in: 6, out: 150001}}, relu, {linear: {in: 150001, out: 3}}]");
        trained(3, wide, (trainer, writer) -> {
            Path checkpoint = write(writer, "epoch-0003");
            SafetensorsFile model = SafetensorsFile.read(checkpoint.resolve("model.safetensors"));
            assertArrayEquals(Buffers.readFloats(trainer.replica().parameters().parameter("0.weight").value()),
                    model.tensors().get("0.weight").values());
            assertEquals(ParameterHash.of(trainer.replica().parameters(), 0), StartupAgreement.sha256(model.bytes()));
        });
    }

    @Test
    void shouldKeepTheNewest() throws Exception {
        trained(2, List.of(), (trainer, writer) -> {
            for (String name : List.of("step-00000005", "epoch-0001", "step-00000010", "epoch-0002")) {
                write(writer, name);
            }
            assertEquals(Set.of("step-00000010", "epoch-0002"), names(folder.resolve("checkpoints")));
        });
    }

    @Test
    void shouldKeepTheBestBesideTheNewestAndLinkToIt() throws Exception {
        trained(1, List.of(), (trainer, writer) -> {
            Path best = folder.resolve("checkpoints/best");
            write(writer, "step-00000005", "");
            assertEquals(Set.of("step-00000005"), names(folder.resolve("checkpoints")));
            write(writer, "step-00000010", "step-00000010");
            assertEquals(Set.of("step-00000010", "best"), names(folder.resolve("checkpoints")));
            write(writer, "epoch-0001", "step-00000010");
            write(writer, "epoch-0002", "step-00000010");
            assertEquals(Set.of("step-00000010", "epoch-0002", "best"), names(folder.resolve("checkpoints")));
            assertEquals(Path.of("step-00000010"), Files.readSymbolicLink(best));
            assertEquals(4, SafetensorsFile.read(best.resolve("model.safetensors")).tensors().size());
            write(writer, "epoch-0003", "epoch-0003");
            write(writer, "step-00000050", "epoch-0003");
            assertEquals(Set.of("epoch-0003", "step-00000050", "best"), names(folder.resolve("checkpoints")));
            assertEquals(Path.of("epoch-0003"), Files.readSymbolicLink(best));
        });
        assertEquals("epoch-0003", Checkpoint.openWhole(folder.resolve("checkpoints/best")).state().position().validation()
                .bestCheckpoint());
    }

    /** As after a kill between the checkpoint and its link, or while that was made. */
    @Test
    void shouldMendTheLinkToTheBest() throws Exception {
        trained(2, List.of(), (trainer, writer) -> write(writer, "step-00000010", ""));
        Path checkpoints = folder.resolve("checkpoints");
        Files.createSymbolicLink(checkpoints.resolve("best"), Path.of("step-00000004"));
        Files.createSymbolicLink(checkpoints.resolve(".writing-best"), Path.of("step-00000007"));
        trained(2, List.of(), (trainer, writer) -> write(writer, "step-00000020", "step-00000010"));
        assertEquals(Path.of("step-00000010"), Files.readSymbolicLink(checkpoints.resolve("best")));
        assertEquals(Set.of("step-00000010", "step-00000020", "best"), names(checkpoints));
    }

    @Test
    void shouldReplaceACheckpointOfTheSameNameAndWhatWasLeftHalfWritten() throws Exception {
        Path old = Files.createDirectories(folder.resolve("checkpoints/epoch-0001"));
        Files.writeString(old.resolve("model.safetensors"), "old");
        Files.writeString(Files.createDirectories(folder.resolve("checkpoints/.writing-epoch-0001")).resolve("state.json"),
                "half");
        trained(3, List.of(), (trainer, writer) -> {
            Path checkpoint = write(writer, "epoch-0001");
            assertEquals(4, SafetensorsFile.read(checkpoint.resolve("model.safetensors")).tensors().size());
            assertEquals(Set.of("epoch-0001"), names(folder.resolve("checkpoints")));
        });
    }

    @Test
    void shouldSayWhatCannotBeWritten() throws Exception {
        Files.writeString(folder.resolve("checkpoints"), "a file");
        trained(3, List.of(), (trainer, writer) -> {
            TrainingException e = assertThrows(TrainingException.class, () -> write(writer, "epoch-0001"));
            assertEquals("checkpoint " + folder.resolve("checkpoints/epoch-0001") + " could not be written (a file of that"
                    + " name is in the way: " + folder.resolve("checkpoints") + "); free space or choose another"
                    + " --output; earlier checkpoints stand", e.getMessage());
        });
    }

    @Test
    void shouldNameCheckpointsSoThatTheySort() {
        assertEquals("epoch-0005", CheckpointFolder.epochName(5));
        assertEquals("step-00001234", CheckpointFolder.stepName(1234));
    }

    /** After one epoch, so that the momentum is more than zeros. */
    private void trained(int keep, List<String> sets, Body body) throws IOException {
        try (Device device = new ReferenceDevice(); SingleRank communicator = new SingleRank()) {
            Trainer trainer = SmallJobs.trainer(SmallJobs.job(sets), device, communicator, new TrainingListener() { });
            trainer.trainEpoch(1, Trainer.StepHook.NONE);
            body.run(trainer, new CheckpointWriter(folder.resolve("checkpoints"), keep, trainer.replica(), Optional.empty()));
        }
    }

    private static Path write(CheckpointWriter writer, String name) {
        return write(writer, name, 1);
    }

    private static Path write(CheckpointWriter writer, String name, int ranks) {
        return write(writer, name, ranks, POSITION);
    }

    /** @param best the best checkpoint when that of {@code name} is written */
    private static Path write(CheckpointWriter writer, String name, String best) {
        ValidationProgress validation = new ValidationProgress("loss", 20, 0.5, 10, best, 0.5, 1);
        return write(writer, name, 1, new Position(4, 0, 21, Position.Sums.NONE, validation));
    }

    private static Path write(CheckpointWriter writer, String name, int ranks, Position position) {
        writer.begin(name, new CheckpointState(position, 3, 7, "name: small\n", 5, ranks, 8, 7, 50, "", Map.of()));
        return writer.finished().orElseThrow();
    }

    private static Set<String> names(Path parent) throws IOException {
        try (Stream<Path> files = Files.list(parent)) {
            return new TreeSet<>(files.map(file -> file.getFileName().toString()).toList());
        }
    }
}

package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.testing.ScratchFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.AfterFailureMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsReaderTest {
    private static final List<ParameterShape> SHAPES =
            List.of(ParameterShape.matrix("0.weight", 2, 3), ParameterShape.bias("0.bias", 2));
    private static final String WEIGHT = "'0.weight':{'dtype':'F32','shape':[2,3],'data_offsets':[8,32]}";
    private static final String BIAS = "'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}";

    /** In an order of its own, with metadata and a header of any length: as other writers do. */
    @Test
    void shouldReadWhatOthersWrite() throws IOException {
        try (Device device = new ReferenceDevice()) {
            ParameterArena arena = new ParameterArena(device, SHAPES, false);
            read(file("{'__metadata__':{'format':'pt'}," + BIAS + "," + WEIGHT + "}   ", 8), arena);
            assertArrayEquals(new float[] {0, 1}, Buffers.readFloats(arena.parameter("0.bias").value()));
            assertArrayEquals(new float[] {2, 3, 4, 5, 6, 7}, Buffers.readFloats(arena.parameter("0.weight").value()));
        }
    }

    @Test
    void shouldReadBuffersOfTheirOwnTypes() throws IOException {
        try (Device device = new ReferenceDevice()) {
            ParameterArena arena = new ParameterArena(device, SHAPES, false);
            ModelBuffers buffers = new ModelBuffers(device, List.of(new BufferShape("1.running_var", DataType.FLOAT32, 2, 1),
                    new BufferShape("1.num_batches_tracked", DataType.INT64, 0, 0)));
            String variance = "'1.running_var':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}";
            String batches = "'1.num_batches_tracked':{'dtype':'I64','shape':[],'data_offsets':[16,24]}";
            String rest = "," + BIAS + "," + WEIGHT + "}";
            List<NamedTensor> model = NamedTensor.model(arena, buffers);
            SafetensorsReader.open(file("{" + batches + "," + variance + rest, 8)).readInto(model);
            assertArrayEquals(new float[] {0, 1}, Buffers.readFloats(buffers.values("1.running_var")));
            // The floats 4 and 5 as the halves of one number.
            assertEquals((double) (((long) Float.floatToRawIntBits(5) << 32) + Float.floatToRawIntBits(4)),
                    Buffers.read(buffers.values("1.num_batches_tracked"))[0]);

            Path wrong = file("{" + batches.replace("I64", "F32").replace("24", "20") + "," + variance + rest, 8);
            assertEquals(wrong + ": 1.num_batches_tracked is of type 'F32', and only I64 is taken; save"
                    + " model.float().state_dict()", assertThrows(InvalidInputException.class, () -> SafetensorsReader
                            .open(wrong).readInto(model)).getMessage());
            Path missing = file("{" + variance + rest, 8);
            assertTrue(assertThrows(InvalidInputException.class, () -> SafetensorsReader.open(missing)
                    .readInto(model)).getMessage().startsWith(missing
                            + " holds no tensor '1.num_batches_tracked', which the model has; "));
        }
    }

    /** Mapped memory would end the process here. */
    @Test
    void shouldSayThatAFileWasCutShortWhileItWasRead() throws IOException {
        Path file = file("{" + BIAS + "," + WEIGHT + "}", 8);
        List<Safetensors.Part> parts = SafetensorsReader.open(file).tensors().get(1).parts();
        assertEquals(2, parts.get(0).bytes().getFloat(0));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() - 1);
        }
        assertEquals(file + " cannot be read (it ends too soon); name a safetensors file",
                assertThrows(InvalidInputException.class, () -> parts.get(0).bytes()).getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "{'0.weight':{'dtype':'F32','shape':[3,2],'data_offsets':[8,32]},BIAS}"
                + "|FILE: 0.weight has the shape [3, 2], but the model's is [2, 3]; make the layers alike",
        "{WEIGHT}|FILE holds no tensor '0.bias', which the model has; save the state_dict of an nn.Sequential of the same layers",
        "{WEIGHT,BIAS,'2.bias':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}"
                + "|FILE holds a tensor '2.bias', which the model does not have; it takes 0.weight to 0.bias",
        "{WEIGHT,'0.bias':{'dtype':'F16','shape':[2],'data_offsets':[0,4]}}"
                + "|FILE: 0.bias is of type 'F16', and only F32 is taken; save model.float().state_dict()",
        "{WEIGHT,'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}"
                + "|FILE is no whole safetensors file (its header gives 0.bias 4 bytes); name another",
        "{WEIGHT,'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[32,40]}}"
                + "|FILE is no whole safetensors file (its header says of '0.bias' what cannot be); name another",
        "{WEIGHT,BIAS,BIAS}|FILE is no whole safetensors file (its header is no JSON); name another",
        "[]|FILE is no whole safetensors file (its header is no JSON object); name another",
    })
    void shouldNameWhatDoesNotFit(String header, String message) throws IOException {
        Path file = file(header.replace("WEIGHT", WEIGHT).replace("BIAS", BIAS), 8);
        refused(file, message.replace("FILE", file.toString()));
    }

    @Test
    void shouldRefuseAHeaderThatLiesAboutItsLength() throws IOException {
        for (long length : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 0, 1, 1L << 40, 1000}) {
            Path file = temporary(ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length).array());
            refused(file, file + " is no whole safetensors file (a header of " + Long.toUnsignedString(length)
                    + " bytes in a file of 100); name another");
        }
        Path empty = temporary(new byte[0]);
        refused(empty, empty + " is no whole safetensors file (it ends too soon); name another");
        Path folder = Files.createTempDirectory("safetensors");
        refused(folder, folder + " cannot be read (");
        Files.delete(folder);
        refused(folder, folder + " cannot be read (no such file or folder: " + folder + "); name a safetensors file");
    }

    @Test
    void shouldRefuseValuesThatAreNotFinite() throws IOException {
        Path file = file("{" + WEIGHT + "," + BIAS + "}", 8);
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(bytes.length - 4, Float.NaN);
        Files.write(file, bytes);
        refused(file, file + ": element 5 of 0.weight is NaN; name a file of finite values");
    }

    /** Any damage is answered with one line, or it left a file that is still one. */
    @Property(tries = 2500, seed = "31", afterFailure = AfterFailureMode.PREVIOUS_SEED)
    void shouldAnswerMutatedFilesInOneLine(@ForAll long seed) throws IOException {
        Random random = new Random(seed);
        byte[] bytes = bytes("{'__metadata__':{'format':'pt'}," + BIAS + "," + WEIGHT + "}", 8);
        for (int i = random.nextInt(4); i >= 0; i--) {
            switch (random.nextInt(4)) {
                case 0 -> bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 20));
                case 1 -> bytes[random.nextInt(8) % Math.max(1, bytes.length)] = (byte) random.nextInt();
                default -> bytes[random.nextInt(bytes.length)] = (byte) "0123456789[]{}:,'\"-e\\ \0".charAt(random.nextInt(23));
            }
            bytes = bytes.length == 0 ? new byte[1] : bytes;
        }
        Path file = temporary(bytes);
        try (Device device = new ReferenceDevice()) {
            read(file, new ParameterArena(device, SHAPES, false));
        } catch (InvalidInputException e) {
            assertTrue(e.getMessage().startsWith(file.toString()) && e.getMessage().lines().count() == 1
                    && e.getMessage().codePoints().noneMatch(Character::isISOControl), e.getMessage());
        } finally {
            Files.delete(file);
        }
    }

    private static void refused(Path file, String message) throws IOException {
        try (Device device = new ReferenceDevice()) {
            ParameterArena arena = new ParameterArena(device, SHAPES, false);
            String found = assertThrows(InvalidInputException.class, () -> read(file, arena)).getMessage();
            assertEquals(message, message.endsWith("(") ? found.substring(0, message.length()) : found);
        }
    }

    private static void read(Path file, ParameterArena arena) {
        SafetensorsReader.open(file).readInto(NamedTensor.parameters(arena));
    }

    private static Path file(String header, int floats) throws IOException {
        return temporary(bytes(header, floats));
    }

    private static byte[] bytes(String header, int floats) {
        byte[] json = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + 4 * floats).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length).put(json);
        for (int i = 0; i < floats; i++) {
            file.putFloat(i);
        }
        return file.array();
    }

    private static Path temporary(byte[] bytes) throws IOException {
        Path file = Files.createTempFile("model", ".safetensors");
        file.toFile().deleteOnExit();
        return ScratchFile.write(file, bytes);
    }
}

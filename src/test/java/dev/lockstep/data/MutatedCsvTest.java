package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.testing.Mutation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import net.jqwik.api.AfterFailureMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

class MutatedCsvTest {
    private static final byte[] TRAIN = "x,colour,y\n1.5,red,a\n-2e-3,\"bl,ue\",b\n17,\"re\"\"d\",a\n,red,b\n"
            .getBytes(StandardCharsets.UTF_8);
    private static final byte[] TEST = "x,colour,y\n3,red,b\n4.25,\"bl,ue\",a\n".getBytes(StandardCharsets.UTF_8);
    /** A row is a float for each category, and there are no more of these than bytes. */
    private static final long LARGEST_ELEMENTS = 300 * 300;

    private static Path folder;

    @BeforeContainer
    static void makeFolder() throws IOException {
        folder = Files.createTempDirectory("mutated-csv");
    }

    @AfterContainer
    static void removeFolder() throws IOException {
        Files.delete(folder.resolve("train.csv"));
        Files.delete(folder.resolve("test.csv"));
        Files.delete(folder);
    }

    /** What is read is finite and no larger than the file can make it; all else is answered with one line. */
    @Property(tries = 2500, seed = "52", afterFailure = AfterFailureMode.PREVIOUS_SEED)
    void shouldReadMutatedFilesOrAnswerInOneLine(@ForAll long seed) {
        Random random = new Random(seed);
        boolean mutateTrain = random.nextBoolean();
        Path train = write("train.csv", TRAIN, mutateTrain, random);
        Path test = write("test.csv", TEST, !mutateTrain, random);
        CsvSource source = CsvSource.training(List.of(train), new CsvOptions(true, ',', List.of("y"), true,
                List.of("colour"), List.of(), random.nextBoolean(), List.of("NA"), random.nextBoolean(),
                        random.nextBoolean()));
        CsvSource other = CsvSource.encoded(List.of(test), () -> source.encoding().orElseThrow());
        DeferredDevice device = new DeferredDevice() {
            @Override
            public DeviceBuffer allocate(DataType type, long elementCount) {
                assertTrue(elementCount <= LARGEST_ELEMENTS, () -> elementCount + " elements are allocated");
                return super.allocate(type, elementCount);
            }
        };
        try (device) {
            source.info();
            other.info();
            source.load(device);
            other.load(device);
        } catch (InvalidInputException e) {
            String message = e.getMessage();
            assertTrue((message.startsWith(folder.toString()) || message.startsWith("column '")) && message.lines()
                    .count() == 1
                    && message.length() < 600 && message.codePoints().noneMatch(Character::isISOControl), message);
        }
    }

    private static Path write(String name, byte[] whole, boolean mutate, Random random) {
        byte[] packed = random.nextInt(4) == 0 ? IdxFiles.gzip(whole) : whole;
        return IdxFiles.write(folder.resolve(name), mutate ? Mutation.of(packed, random) : packed);
    }
}

package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.testing.Mutation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import net.jqwik.api.AfterFailureMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

class MutatedIdxTest {
    /** Deflate packs at most about a thousand bytes into one. */
    private static final long LARGEST_ELEMENTS_PER_BYTE = 1100;

    private static Path folder;

    @BeforeContainer
    static void makeFolder() throws IOException {
        folder = Files.createTempDirectory("mutated-idx");
    }

    @AfterContainer
    static void removeFolder() throws IOException {
        Files.delete(folder.resolve("images"));
        Files.delete(folder.resolve("labels"));
        Files.delete(folder);
    }

    /** What is read is as large as the file can be; all else is answered with one line. */
    @Property(tries = 2500, seed = "51", afterFailure = AfterFailureMode.PREVIOUS_SEED)
    void shouldReadMutatedFilesOrAnswerInOneLine(@ForAll long seed) {
        Random random = new Random(seed);
        byte[] images = packed(IdxFiles.idx(4, 3, 2), random);
        byte[] labels = packed(IdxFiles.idx(4), random);
        if (random.nextInt(3) > 0) {
            images = Mutation.of(images, random);
        } else {
            labels = Mutation.of(labels, random);
        }
        long largest = LARGEST_ELEMENTS_PER_BYTE * Math.max(images.length, labels.length);
        IdxSource source = new IdxSource(IdxFiles.write(folder.resolve("images"), images),
                IdxFiles.write(folder.resolve("labels"), labels));
        DeferredDevice device = new DeferredDevice() {
            @Override
            public DeviceBuffer allocate(DataType type, long elementCount) {
                assertTrue(elementCount <= largest, () -> elementCount + " elements are allocated for less than " + largest);
                return super.allocate(type, elementCount);
            }
        };
        try (device) {
            source.info();
            source.load(device);
        } catch (InvalidInputException e) {
            String message = e.getMessage();
            assertTrue(message.startsWith(folder.toString()) && message.lines().count() == 1
                    && message.codePoints().noneMatch(Character::isISOControl), message);
        }
    }

    private static byte[] packed(byte[] plain, Random random) {
        return random.nextBoolean() ? plain : IdxFiles.gzip(plain);
    }
}

package dev.lockstep.data;

import static dev.lockstep.data.IdxFiles.gzip;
import static dev.lockstep.data.IdxFiles.header;
import static dev.lockstep.data.IdxFiles.idx;
import static dev.lockstep.data.IdxFiles.join;
import static dev.lockstep.data.IdxFiles.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.reference.ReferenceDevice;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdxSourceTest {
    private static final String GET_AGAIN = "; get the file again";
    /** Of the 60000 x 784 bytes behind the header. */
    private static final long FASHION_MNIST_CRC = 0xAE65DCCDL;

    @TempDir
    Path folder;

    @Test
    void shouldReadImagesOfAnyNumberOfDimensionsPlainAndGzipped() {
        for (int[] shape : new int[][] {{5, 7}, {5, 4, 3}, {1, 1}, {3, 2, 3, 2}}) {
            byte[] images = idx(shape);
            byte[] labels = idx(shape[0]);
            checkLoaded(images, labels, shape[0]);
            checkLoaded(gzip(images), labels, shape[0]);
            checkLoaded(images, gzip(labels), shape[0]);
        }
    }

    @Test
    void shouldReadFilesOfManyBlocks() {
        byte[] images = idx(70_001, 31);
        byte[] labels = idx(70_001);
        checkLoaded(images, labels, 70_001);
        checkLoaded(gzip(images), gzip(labels), 70_001);
    }

    @Test
    void shouldReadGzipFilesOfSeveralMembers() {
        byte[] images = idx(6, 2, 2);
        byte[] first = gzip(Arrays.copyOf(images, 9));
        byte[] second = gzip(Arrays.copyOfRange(images, 9, images.length));
        checkLoaded(join(first, gzip(new byte[0]), second), idx(6), 6);
    }

    @Test
    void shouldSkipTheOptionalFieldsOfAGzipHeader() {
        byte[] compressed = gzip(idx(6, 2, 2));
        byte[] begin = Arrays.copyOf(compressed, 10);
        begin[3] = 2 + 4 + 8 + 16;
        byte[] extra = {3, 0, 9, 9, 9};
        byte[] name = "images\0".getBytes(StandardCharsets.ISO_8859_1);
        byte[] comment = "a comment\0".getBytes(StandardCharsets.ISO_8859_1);
        byte[] headerChecksum = {1, 2};
        byte[] rest = Arrays.copyOfRange(compressed, 10, compressed.length);
        checkLoaded(join(begin, extra, name, comment, headerChecksum, rest), idx(6), 6);
    }

    @Test
    void shouldNameTheLargestLabelAndTheFirstSampleThatHasIt() {
        byte[] labels = join(header(5), new byte[] {3, (byte) 200, 0, (byte) 200, 9});
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = source(idx(5, 2), labels).load(device);
            Targets.Labels targets = (Targets.Labels) dataset.targets();
            assertEquals(200, targets.largest());
            assertEquals(1, targets.largestSample());
        }
    }

    @Test
    void shouldRefuseAFileThatIsCutAnywhere() {
        for (byte[] whole : List.of(idx(4, 3, 2), gzip(idx(4, 3, 2)))) {
            for (int length = 0; length < whole.length; length++) {
                IdxSource source = source(Arrays.copyOf(whole, length), idx(4));
                BadInput.refused(source::info, "images", GET_AGAIN);
            }
        }
    }

    @Test
    void shouldNoticeEveryFlippedByteOfAGzipFile() {
        byte[] whole = gzip(idx(4, 3, 2));
        for (int i = 0; i < whole.length; i++) {
            if (i >= 3 && i < 10) {
                continue; // A hint that it is text, the time, the level, the operating system: nobody needs them.
            }
            byte[] damaged = whole.clone();
            damaged[i] ^= 1;
            try (Device device = new ReferenceDevice()) {
                BadInput.refused(() -> source(damaged, idx(4)).load(device), "images");
            }
        }
    }

    @Test
    void shouldReadOfAGzipFileNothingButTheEndsToKnowItsSize() {
        byte[] damaged = gzip(idx(4000, 60));
        Arrays.fill(damaged, damaged.length / 2, damaged.length - 8, (byte) 0xFF);
        IdxSource source = source(damaged, idx(4000));
        assertEquals(new DatasetInfo(4000, 60, 4000 * 64), source.info());
        try (Device device = new ReferenceDevice()) {
            BadInput.refused(() -> source.load(device), "images", GET_AGAIN);
        }
    }

    @Test
    void shouldRefuseWhatIsNotAnImageFile() {
        refuseImages(new byte[0], "is empty");
        refuseImages(new byte[] {0}, "ends within its header");
        refuseImages("<!DOCTYPE html>".getBytes(StandardCharsets.UTF_8), "is not an IDX file: it starts with 3c21444f");
        refuseImages(join(new byte[] {0, 0, 8, 0}, new byte[9]), "is not an IDX file");
        refuseImages(join(new byte[] {0, 0, 0x0D, 2, 0, 0, 0, 4, 0, 0, 0, 1}, new byte[16]), "has elements of type 0x0d");
        refuseImages(idx(4), "has 1 dimension, as no file of images has");
        refuseImages(header(0, 28, 28), "is without elements: its header says 0");
        refuseImages(header(4, 0, 28), "is without elements: its header says 4 x 0");
    }

    @Test
    void shouldRefuseAHeaderThatPromisesSomethingElseThanTheFileHolds() {
        refuseImages(join(header(4, 5, 5), new byte[99]), "ends before the 4 x 5 x 5 elements that its header promises");
        refuseImages(join(header(4, 5, 5), new byte[101]), "goes on after the 4 x 5 x 5 elements");
        refuseImages(join(header(2_000_000_000, 10, 10), new byte[100]), "ends before the 2000000000 x 10 x 10");
        refuseImages(join(header(4, 1 << 16, 1 << 15), new byte[100]),
                "has a header that says 4 x 65536 x 32768, more than can be read");
        refuseImages(join(header(-1, 28, 28), new byte[100]), "has a header that says 4294967295, more than can be read");
        refuseImages(header(4, -1, -1, -1, -1, -1, -1, -1, -1),
                "has a header that says 4 x 4294967295, more than can be read");
    }

    @Test
    void shouldRefuseAGzipFileThatHoldsSomethingElseThanItsHeaderPromises() {
        refuseCompressed(new byte[0], "ends within its header");
        refuseCompressed("no image".getBytes(StandardCharsets.UTF_8), "is not an IDX file");
        refuseCompressed(join(header(4, 5, 5), new byte[99]), "ends before the 4 x 5 x 5 elements that its header promises");
        refuseCompressed(join(header(4, 5, 5), new byte[101]), "goes on after the 4 x 5 x 5 elements");
        refuseCompressed(join(header(4, 5000, 5), new byte[99]), "ends before the 4 x 5000 x 5");
        refuseCompressed(join(header(2_000_000_000, 10, 10), new byte[100]), "ends before the 2000000000 x 10 x 10");
    }

    @Test
    void shouldRefuseBytesBehindAGzipFile() {
        for (int count : new int[] {1, 2, 3, 8, 17, 18, 19, 100}) {
            byte[] trailing = new byte[count];
            refuseImages(join(gzip(idx(4, 3)), trailing), "is damaged: bytes that do not belong there");
            Arrays.fill(trailing, (byte) 'x');
            refuseImages(join(gzip(idx(4, 3)), trailing), "is damaged: bytes that do not belong there");
        }
    }

    @Test
    void shouldRefuseAFileThatOnlyStartsAsGzip() {
        refuseImages(new byte[] {0x1F, (byte) 0x8B}, "ends within its header");
        refuseImages(new byte[] {0x1F, (byte) 0x8B, 7, 0, 0, 0, 0, 0, 0, 0, 0}, "is damaged: unknown compression method");
        refuseImages(join(Arrays.copyOf(gzip(idx(4, 3)), 10), new byte[] {-1, -1, -1, -1}), "is damaged");
    }

    @ParameterizedTest
    @ValueSource(strings = {"missing", "folder"})
    void shouldRefuseAPathThatIsNoFile(String name) throws Exception {
        Files.createDirectory(folder.resolve("folder"));
        Path labels = write(folder.resolve("labels"), idx(4));
        String message = name.equals("missing") ? "does not exist" : "is a folder";
        BadInput.refused(new IdxSource(folder.resolve(name), labels)::info, name, message + "; name an IDX file of images");
        Path images = write(folder.resolve("images"), idx(4, 3));
        BadInput.refused(new IdxSource(images, folder.resolve(name))::info, name,
                message + "; name an IDX file of labels");
    }

    @Test
    void shouldRefuseAFileThatMayNotBeRead() {
        IdxSource source = source(idx(4, 3), idx(4));
        assertTrue(folder.resolve("images").toFile().setReadable(false));
        assumeTrue(!Files.isReadable(folder.resolve("images")), "root may read everything");
        BadInput.refused(source::info, "images", "may not be read; check its permissions");
    }

    @Test
    void shouldRefuseLabelsThatDoNotBelongToTheImages() {
        refuse(idx(4, 3), idx(5), "has 4 images, but ");
        refuse(idx(4, 3), gzip(idx(3)), "has 3 labels; name two files that belong together");
        refuse(idx(4, 3), idx(4, 3), "labels has 2 dimensions, as no file of labels has; check that images and labels");
        refuse(idx(4, 3), join(header(4), new byte[3]), "labels ends before the 4 elements");
    }

    @Test
    void shouldReadFashionMnistWhereItIsInstalled() {
        Path installed = Stream.of("data/fashion-mnist", "/usr/share/datasets/fashion-mnist").map(Path::of)
                .filter(Files::isDirectory).findFirst().orElse(null);
        assumeTrue(installed != null, "Fashion-MNIST is not installed");
        IdxSource source = new IdxSource(installed.resolve("train-images-idx3-ubyte.gz"),
                installed.resolve("train-labels-idx1-ubyte.gz"));
        assertEquals(new DatasetInfo(60_000, 784, 60_000 * 788), source.info());
        try (Device device = new ReferenceDevice()) {
            Dataset dataset = source.load(device);
            Targets.Labels targets = (Targets.Labels) dataset.targets();
            assertEquals(9, targets.largest());
            assertEquals(0, targets.largestSample());
            double[] labels = Buffers.read(targets.data());
            for (int label = 0; label < 10; label++) {
                int wanted = label;
                assertEquals(6000, Arrays.stream(labels).filter(l -> l == wanted).count());
            }
            CRC32 crc = new CRC32();
            crc.update(dataset.features().data().hostView());
            assertEquals(FASHION_MNIST_CRC, crc.getValue());
        }
    }

    private void checkLoaded(byte[] images, byte[] labels, int samples) {
        IdxSource source = source(images, labels);
        DatasetInfo info = source.info();
        assertEquals(samples, info.samples());
        for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
            try (device) {
                Dataset dataset = source.load(device);
                assertEquals(info.residentBytes(), device.allocatedBytes());
                assertEquals(folder.resolve("images").toString(), dataset.description());
                assertEquals(255, dataset.divisor());
                assertEquals(samples, dataset.samples());
                assertEquals(info.features(), dataset.features().columns());
                assertEquals(DataType.UINT8, dataset.features().data().type());
                assertEquals(DataType.INT32, dataset.targets().data().type());
                checkElements(Buffers.read(dataset.features().data()));
                checkElements(Buffers.read(dataset.targets().data()));
            }
        }
    }

    private static void checkElements(double[] elements) {
        for (int i = 0; i < elements.length; i++) {
            assertEquals(IdxFiles.element(i), elements[i]);
        }
    }

    private void refuseCompressed(byte[] images, String message) {
        refuseImages(gzip(images), message);
    }

    private void refuseImages(byte[] images, String message) {
        refuse(images, idx(4), "images " + message);
    }

    /** Told by info(), and again by load() before it allocates. */
    private void refuse(byte[] images, byte[] labels, String message) {
        IdxSource source = source(images, labels);
        BadInput.refused(source::info, folder.toString(), message);
        BadInput.refused(() -> source.load(new DeferredDevice() {
            @Override
            public DeviceBuffer allocate(DataType type, long elementCount) {
                throw new AssertionError("allocated " + elementCount + " for bad input");
            }
        }), folder.toString(), message);
    }

    private IdxSource source(byte[] images, byte[] labels) {
        return new IdxSource(write(folder.resolve("images"), images), write(folder.resolve("labels"), labels));
    }
}

package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsvFileTest {
    private static final String[] PIECES = {",", ",", "\n", "\r\n", "\r", "\"", "\"\"", "a", "12", "-0.5", "é", " ", "x,y",
            "1e3"};

    private static Path scratch;

    @TempDir
    private Path folder;

    @BeforeContainer
    static void makeFile() throws IOException {
        scratch = Files.createTempFile("csv-file", ".csv");
    }

    @AfterContainer
    static void removeFile() throws IOException {
        Files.delete(scratch);
    }

    /** With buffers so small that every piece of text meets their ends. */
    @Property(tries = 4000, seed = "81")
    void shouldReadAnyTextAsAnObviousReaderDoes(@ForAll long seed) {
        Random random = new Random(seed);
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(30); i >= 0; i--) {
            text.append(PIECES[random.nextInt(PIECES.length)]);
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        IdxFiles.write(scratch, random.nextInt(4) == 0 ? IdxFiles.gzip(bytes) : bytes);
        List<List<String>> expected = CsvText.records(text.toString(), ',');
        boolean[] numeric = new boolean[1 + random.nextInt(3)];
        for (int i = 0; i < numeric.length; i++) {
            numeric[i] = random.nextBoolean();
        }
        for (int bufferBytes : new int[] {4, 16, 1 << 18}) {
            for (boolean[] expectation : new boolean[][] {null, numeric}) {
                try {
                    assertEquals(expected, read(bufferBytes, expectation, expected), text.toString());
                } catch (InvalidInputException e) {
                    assertNull(expected, () -> text + ": " + e.getMessage());
                }
            }
        }
    }

    /** The records; a number of a plain record is held against its text in {@code expected}, and stands for it. */
    private static List<List<String>> read(int bufferBytes, boolean[] numeric, List<List<String>> expected) {
        List<List<String>> records = new ArrayList<>();
        try (CsvFile csv = CsvFile.open(scratch, (byte) ',', bufferBytes)) {
            if (numeric != null) {
                csv.expect(numeric);
            }
            while (csv.next()) {
                List<String> record = new ArrayList<>();
                for (int i = 0; i < csv.fields(); i++) {
                    if (csv.isNumber(i)) {
                        String text = expected == null ? "" + csv.number(i) : expected.get(records.size()).get(i);
                        assertEquals(Double.parseDouble(text), csv.number(i), text);
                        record.add(text);
                    } else {
                        record.add(new String(csv.bytes(), csv.start(i), csv.end(i) - csv.start(i), StandardCharsets.UTF_8));
                    }
                }
                records.add(record);
            }
        }
        return records;
    }

    @Property(tries = 500, seed = "82")
    void shouldReadPlainRowsOfNumbersByTheFastPath(@ForAll long seed) {
        Random random = new Random(seed);
        StringBuilder text = new StringBuilder();
        double[] numbers = new double[3 * (1 + random.nextInt(40))];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = random.nextInt(3) == 0 ? random.nextInt() : random.nextGaussian() * Math.pow(10,
                    random.nextInt(12) - 3);
            text.append(numbers[i]).append(i % 3 < 2 ? "," : random.nextBoolean() ? "\n" : "\r\n");
        }
        CsvText.write(scratch, text.toString());
        try (CsvFile csv = CsvFile.open(scratch, (byte) ',')) {
            csv.expect(new boolean[] {true, true, true});
            for (int i = 0; i < numbers.length; i++) {
                assertTrue(i % 3 > 0 || csv.next() && csv.isNumber(0));
                assertEquals(numbers[i], csv.number(i % 3));
            }
            assertFalse(csv.next());
        }
    }

    @Test
    void shouldSkipAByteOrderMark() {
        Path file = CsvText.write(folder.resolve("bom.csv"), "\uFEFF\"a\",b\n1,2\n");
        for (int bufferBytes : new int[] {4, 1 << 18}) {
            try (CsvFile csv = CsvFile.open(file, (byte) ',', bufferBytes)) {
                assertTrue(csv.next());
                assertEquals("'a'", csv.excerpt(0));
                assertEquals("'b'", csv.excerpt(1));
            }
        }
    }

    @Test
    void shouldNameTheLineThatARecordBeginsIn() {
        Path file = CsvText.write(folder.resolve("lines.csv"), "a,b\r\n\r\n\"x\ny\",2\n\n3,\"4\" \n");
        try (CsvFile csv = CsvFile.open(file, (byte) ',')) {
            csv.next();
            assertEquals(file + ":1: what; todo", csv.invalid("what", "todo").getMessage());
            csv.next();
            assertEquals(file + ":3: what; todo", csv.invalid("what", "todo").getMessage());
            BadInput.refused(csv::next, file + ":6: a quoted field goes on behind its closing quote; double the quotes");
        }
        Path open = CsvText.write(folder.resolve("open.csv"), "a\n1\n\"2\n3\n4\n");
        try (CsvFile csv = CsvFile.open(open, (byte) ',')) {
            csv.next();
            csv.next();
            BadInput.refused(csv::next, open + ":3: a quoted field does not end before the file does; check the quotes");
        }
    }

    @Test
    void shouldRefuseARecordThatDoesNotEnd() {
        byte[] zeros = new byte[CsvFile.LARGEST_RECORD_BYTES + 100];
        Arrays.fill(zeros, (byte) '0');
        zeros[1] = '\n';
        zeros[2] = '"';
        for (byte[] content : List.of(zeros, IdxFiles.gzip(zeros))) {
            Path file = IdxFiles.write(folder.resolve("long.csv"), content);
            try (CsvFile csv = CsvFile.open(file, (byte) ',')) {
                assertTrue(csv.next());
                BadInput.refused(csv::next, file + ":2: a record is longer than 16 MiB; check the quotes in it");
            }
        }
    }
}

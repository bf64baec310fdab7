package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.CsvEncoding;
import dev.lockstep.data.CsvOptions;
import dev.lockstep.testing.Mutation;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class PreprocessingTest {
    private static final CsvEncoding ENCODING = new CsvEncoding(
            new CsvOptions(true, '\t', List.of("y"), true, List.of("c"), List.of("id"), true, List.of("?"), false, true),
            List.of(new CsvEncoding.Dropped("id"), new CsvEncoding.Numeric("é\n", 0.1, 1e-300),
                    new CsvEncoding.Categorical("c", List.of("", "\uD83D\uDE00"), ""),
                    new CsvEncoding.Classes("y", List.of("1", "2")), new CsvEncoding.Target("z")));

    @Property(tries = 1000, seed = "61")
    void shouldReadBackEveryDouble(@ForAll double mean, @ForAll long bits) {
        double deviation = Double.longBitsToDouble(bits);
        CsvEncoding encoding = new CsvEncoding(ENCODING.options(), List.of(new CsvEncoding.Numeric("x", mean,
                Double.isFinite(deviation) ? deviation : 1)));
        assertEquals(encoding, Preprocessing.parse(Preprocessing.toBytes(encoding)));
    }

    @Example
    void shouldReadBackEveryColumn() {
        byte[] bytes = Preprocessing.toBytes(ENCODING);
        assertEquals(ENCODING, Preprocessing.parse(bytes));
        String json = new String(bytes, StandardCharsets.UTF_8);
        assertTrue(json.contains("\"kind\" : \"numeric\"") && json.contains("\"standard_deviation\" : 1.0E-300"), json);
    }

    @Property(tries = 2000, seed = "62")
    void shouldReadMutatedFilesOrRefuseThem(@ForAll long seed) {
        byte[] mutated = Mutation.of(Preprocessing.toBytes(ENCODING), new Random(seed));
        try {
            CsvEncoding read = Preprocessing.parse(mutated);
            assertEquals(read, Preprocessing.parse(Preprocessing.toBytes(read)));
        } catch (InvalidInputException e) {
            assertEquals("the checkpoint's preprocessing.json is not one that this version writes; use another checkpoint",
                    e.getMessage());
        }
    }

    @Example
    void shouldRefuseWhatLacksAKey() {
        String json = new String(Preprocessing.toBytes(ENCODING), StandardCharsets.UTF_8);
        for (String key : List.of("mean", "columns", "header", "delimiter", "classes", "kind")) {
            String without = json.replaceFirst("\"" + key + "\"", "\"other\"");
            assertThrows(InvalidInputException.class, () -> Preprocessing.parse(without.getBytes(StandardCharsets.UTF_8)),
                    key);
        }
    }
}

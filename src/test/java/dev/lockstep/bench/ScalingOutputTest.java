package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.ScalingConfig.Kind;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScalingOutputTest {
    private static final ScalingResult RESULT = new ScalingResults(Kind.STRONG, 64, 1, 2, 4).run(1, 0.25).run(2, 0.125)
            .failed(4, "exit status 1: a \"comma\", and\na line").result();

    @TempDir
    private Path folder;

    @Test
    void shouldReadWhatItHasWritten() throws Exception {
        ScalingOutput output = new ScalingOutput(folder);
        output.writeJson(RESULT);
        ScalingResult read = output.read();

        assertEquals(RESULT.setup(), read.setup());
        assertEquals(RESULT.runs(), read.runs());
        assertEquals(RESULT, read);
    }

    @Test
    void shouldGiveOtherProgramsRowsAndWarningsToo() throws Exception {
        new ScalingOutput(folder).writeJson(RESULT);
        JsonNode json = Json.MAPPER.readTree(folder.resolve("scaling.json").toFile());

        assertEquals("strong", json.at("/setup/scaling").asText());
        assertEquals(1.0, json.at("/rows/1/efficiency").asDouble());
        assertEquals(512.0, json.at("/rows/1/samples_per_second").asDouble());
        assertEquals("failed", json.at("/rows/2/status").asText());
        assertEquals("Failed, with its reason in the table: 4 ranks.", json.at("/warnings/0").asText());
    }

    @Test
    void shouldWriteARowOfValuesForEachNumberOfRanks() throws Exception {
        assertFalse(new ScalingOutput(folder).write(RESULT, ScalingResults.COMMIT));
        List<List<String>> rows = csv(Files.readString(folder.resolve("scaling.csv")));

        assertEquals(4, rows.size());
        for (List<String> row : rows) {
            assertEquals(rows.get(0).size(), row.size(), row::toString);
        }
        assertEquals("0.125", cell(rows, 2, "step_seconds"));
        assertEquals("1.0", cell(rows, 2, "efficiency"));
        assertEquals("0.75", cell(rows, 2, "hidden_fraction"));
        assertEquals("", cell(rows, 1, "hidden_fraction"));
        assertEquals("4194304", cell(rows, 2, "chunk_bytes"));
        assertEquals("exit status 1: a \"comma\", and\na line", cell(rows, 3, "reason"));
        assertEquals("", cell(rows, 3, "step_seconds"));
        assertTrue(Files.exists(folder.resolve(ScalingOutput.REPORT_FILE)));
    }

    @Test
    void shouldPrintTheRowsAndWhatToKnowOfThem() {
        StringWriter printed = new StringWriter();
        ScalingText.print(RESULT, new PrintWriter(printed, true));
        List<String> lines = printed.toString().lines().toList();

        assertTrue(lines.get(0).startsWith("strong scaling of wide, global batch 64, against 1 rank;"), printed::toString);
        assertTrue(lines.get(3).matches(" +2 +125\\.0 +125\\.0 to 125\\.0 +512\\.0 +100\\.0 % +2\\.500 .*"),
                printed::toString);
        assertTrue(lines.get(4).matches(" +4( +-){9} +failed: exit status 1: a \"comma\".*"), printed::toString);
        assertEquals("note: Failed, with its reason in the table: 4 ranks.", lines.get(lines.size() - 1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "{}", "{\"kind\":\"step\"}", "{\"kind\":\"scaling\"}", "{\"setup\":3}",
        "{\"kind\":\"scaling\",\"state\":\"complete\",\"setup\":{},\"runs\":[]}", "null"})
    void shouldRefuseWhatIsNoResult(String json) throws Exception {
        Files.writeString(folder.resolve("scaling.json"), json);
        String message = assertThrows(InvalidInputException.class, () -> new ScalingOutput(folder).read()).getMessage();

        assertTrue(message.startsWith(folder.resolve("scaling.json") + " holds no results of 'bench scaling'"), message);
        assertTrue(message.endsWith("; run it anew"), message);
    }

    @ParameterizedTest
    @CsvSource({"/setup, ranks", "/setup, oversubscribed", "/setup, environment", "/setup, binding", "'', runs", "'', state",
        "'', setup", "/runs/0, command", "/runs/0, result", "/runs/2, failure", "/runs/1/result, step_seconds"})
    void shouldRefuseResultsThatLackAnything(String where, String key) throws Exception {
        ScalingOutput output = new ScalingOutput(folder);
        output.writeJson(RESULT);
        Path file = folder.resolve("scaling.json");
        JsonNode json = Json.MAPPER.readTree(file.toFile());
        assertNotNull(((ObjectNode) json.at(where)).remove(key));
        Files.writeString(file, json.toString());

        String message = assertThrows(InvalidInputException.class, output::read).getMessage();

        assertTrue(message.contains(" holds no results of 'bench scaling'"), message);
        assertEquals(1, message.lines().count());
    }

    @Test
    void shouldNameAFolderWithoutResults() {
        String message = assertThrows(InvalidInputException.class, () -> new ScalingOutput(folder).read()).getMessage();

        assertTrue(message.contains("scaling.json cannot be read (no such file or folder: "), message);
    }

    private static String cell(List<List<String>> rows, int row, String column) {
        return rows.get(row).get(rows.get(0).indexOf(column));
    }

    /** As RFC 4180 has it. */
    private static List<List<String>> csv(String text) {
        Matcher cell = Pattern.compile("(\"(?:[^\"]|\"\")*\"|[^,\n]*)([,\n])").matcher(text);
        List<List<String>> rows = new ArrayList<>(List.of(new ArrayList<>()));
        int end = 0;
        while (cell.find() && cell.start() == end) {
            end = cell.end();
            String content = cell.group(1);
            rows.get(rows.size() - 1).add(content.startsWith("\"")
                    ? content.substring(1, content.length() - 1).replace("\"\"", "\"") : content);
            if (cell.group(2).equals("\n") && end < text.length()) {
                rows.add(new ArrayList<>());
            }
        }
        assertEquals(text.length(), end);
        return rows;
    }
}

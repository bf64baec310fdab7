package dev.lockstep.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.testing.Mutation;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class RunReportTest {
    private static final String EPOCHS = """
            {"kind":"step","step":1,"loss":2.5,"learning_rate":0.1}
            {"kind":"step","step":2,"loss":2.0,"learning_rate":0.1}
            {"kind":"validation","epoch":1,"step":1,"validation_loss":2.2,"validation_accuracy":0.4}
            {"kind":"epoch","epoch":1,"step":2,"train_loss":2.25,"learning_rate":0.1,"test_loss":2.1,"test_accuracy":0.5,\
            "samples_per_second":1000.0,"seconds":1.0,"data_seconds":0.001,"forward_seconds":0.002,"backward_seconds":0.003,\
            "exposed_comm_seconds":0.001,"comm_seconds":0.002,"optimizer_seconds":0.001,"step_seconds":0.008,\
            "hidden_fraction":0.5,"gflops":12.0,"gemm_share":0.5}
            {"kind":"step","step":3,"loss":1.5,"learning_rate":0.05}
            {"kind":"step","step":4,"loss":1.0,"learning_rate":0.05}
            {"kind":"epoch","epoch":2,"step":4,"train_loss":1.25,"learning_rate":0.05,"test_loss":1.4,"test_accuracy":0.4,\
            "samples_per_second":2000.0,"seconds":0.5}
            """;
    private static final String SUMMARY = """
            {"kind":"summary","ranks":2,"epochs":2,"steps":4,"first_step_seconds":1.5,"peak_resident_bytes":104857600}
            """;
    private static final String CONFIG = """
            name: "%s"
            model:
              - linear: {in: 2, out: 3}
              - relu
            optimizer:
              sgd: {lr: %s, momentum: 0.9}
            train:
              epochs: 2
            of-another-version: {key: 1}
            """;
    private static final String ENVIRONMENT = """
            {"lockstep":{"version":"1.2","commit":"abc"},"cpu":{"model":"a CPU"},"mpi":"Open MPI","device":{"name":"cpu"},
             "ranks":[{"rank":0,"host":"one","threads":1},{"rank":1,"host":"two","threads":1}]}
            """;

    @TempDir
    private Path folder;

    @Test
    void shouldBeOneFileThatRefersToNothingOutside() throws Exception {
        Document report = report(run("a", EPOCHS + SUMMARY), run("b", EPOCHS + SUMMARY));

        assertEquals(List.of(), elements(report, "script"));
        assertEquals(List.of(), elements(report, "link"));
        for (Element element : elements(report, "*")) {
            for (String attribute : List.of("src", "href", "xlink:href", "style")) {
                assertFalse(element.hasAttribute(attribute), element.getTagName() + " " + attribute);
            }
        }
        assertFalse(elements(report, "style").get(0).getTextContent().matches("(?s).*(url\\(|@import).*"));
    }

    @Test
    void shouldDrawEachFigureOfEachRun() throws Exception {
        Document report = report(run("a", EPOCHS + SUMMARY), run("b", EPOCHS + SUMMARY));

        assertEquals(List.of("Loss", "Accuracy", "Loss of single steps", "Learning rate", "Throughput",
                "What a step consists of"), charts(report));
        // Two in the legend for the runs, three for training, test and validation, and three of either run.
        assertEquals(2 + 3 + 2 * 3, lines(report, "Loss").size());
        assertEquals(2 + 2 + 2 * 2, lines(report, "Accuracy").size());
        assertEquals(2 + 2, lines(report, "Throughput").size());
    }

    @Test
    void shouldDrawFiguresWhereTheyBelong() throws Exception {
        Document report = report(run("a", EPOCHS + SUMMARY));

        // 524 pixels from 84 on are two epochs; the axis of accuracy goes from 0.4 to 0.5, throughput's from 0 to 2000.
        List<String> accuracy = lines(report, "Accuracy");
        assertTrue(accuracy.contains("M346.0 34.0 608.0 298.0 "), accuracy::toString);
        assertTrue(accuracy.contains("M215.0 298.0 h0"), accuracy::toString);
        List<String> throughput = lines(report, "Throughput");
        assertTrue(throughput.contains("M346.0 166.0 608.0 34.0 "), throughput::toString);
        List<String> rates = lines(report, "Learning rate");
        assertTrue(rates.contains("M215.0 34.0 346.0 34.0 477.0 166.0 608.0 166.0 "), rates::toString);
    }

    @Test
    void shouldSayTheNumbersInTables() throws Exception {
        Document report = report(run("a", EPOCHS + SUMMARY));

        assertEquals("a | 2 | 2 of 2 | 4 | 2,000 | 1.500 | 1.500 | 100.0 | done", row(report, "a", 0));
        assertEquals("a | training loss | 1.250 | 1.250 | 2", row(report, "a", 1));
        assertEquals("a | test accuracy | 40.00 % | 50.00 % | 1", row(report, "a", 3));
        assertEquals("a | validation loss | 2.200 | 2.200 | 0.5", row(report, "a", 4));
        assertEquals("a | 1.000 | 2.000 | 3.000 | 1.000 | 1.000 | 1.000 | 50.0 % | 12.00 | 50.0 %", row(report, "a", 6));
        assertEquals("a | 1.2, commit abc | cpu | one, two | 1 | a CPU | Open MPI", row(report, "a", 7));
        assertEquals("2 | 4 | 1.250 | 0.05000 | 1.400 | 0.4000 | 2,000 | 0.5000", row(report, "2", 0));
        assertEquals("1 | 1 | 2.200 | 0.4000", row(report, "1", 1));
    }

    /** An epoch that communicates little counts little; the first, of which nothing is hidden, warms up. */
    @Test
    void shouldSayWhatPartOfAllCommunicationIsHidden() throws Exception {
        String epoch = """
                {"kind":"epoch","epoch":%1$d,"step":%1$d,"train_loss":1.0,"data_seconds":0.001,"forward_seconds":0.002,\
                "backward_seconds":0.003,"exposed_comm_seconds":%2$s,"comm_seconds":%3$s,"optimizer_seconds":0.001,\
                "step_seconds":0.0095,"hidden_fraction":%4$s,"gflops":12.0,"gemm_share":0.5}
                """;
        Document report = report(run("a", epoch.formatted(1, 0.002, 0.002, 0.0) + epoch.formatted(2, 0.003, 0.002, -0.5)
                + epoch.formatted(3, 0.001, 0.010, 0.9)));

        // 4 of 12 ms are exposed; the mean of the epochs' own fractions would be 20 %.
        assertEquals("a | 1.000 | 2.000 | 3.000 | 2.000 | 1.500 | 1.000 | 66.7 % | 12.00 | 50.0 %",
                row(report, "a", 2));
    }

    @Test
    void shouldSayWhetherARunHasStoppedEarly() throws Exception {
        Document report = report(run("a", EPOCHS + SUMMARY.replace("}", ",\"stopped_early\":true}")));

        assertTrue(row(report, "a", 0).endsWith(" | done, stopped early"), row(report, "a", 0));
    }

    @Test
    void shouldShowWhichSettingsDiffer() throws Exception {
        Path a = run("a", EPOCHS + SUMMARY);
        Path b = run("b", EPOCHS + SUMMARY);
        Files.writeString(b.resolve("config.yaml"), CONFIG.formatted("b", "0.2"));

        Document report = report(a, b);

        assertEquals("optimizer.sgd.lr | 0.1 | 0.2", row(report, "optimizer.sgd.lr", 0));
        assertThrows(AssertionError.class, () -> row(report, "train.epochs", 0));
        assertTrue(report.getDocumentElement().getTextContent().contains("model: [{linear: {in: 2, out: 3}}, relu]"));
    }

    @Test
    void shouldTakeARunThatIsStillWriting() throws Exception {
        Document report = report(run("a", EPOCHS + "{\"kind\":\"step\",\"step\":5,\"lo"));

        assertEquals(List.of("a: there is no summary: it is still running, or was ended before it was done"),
                warnings(report));
        assertTrue(row(report, "a", 0).endsWith("| 2 of 2 | 4 | 2,000 | 1.500 | – | – | not done"), row(report, "a", 0));
    }

    @Test
    void shouldDrawByStepsWhereARunHasNotFinishedAnEpoch() throws Exception {
        String first = EPOCHS.substring(0, EPOCHS.indexOf("{\"kind\":\"epoch\""));
        Document report = report(run("a", EPOCHS + SUMMARY), run("b", first));

        assertTrue(chart(report, "Loss").getTextContent().contains("step"));
        // Four steps are 524 pixels; the least loss is 1, the greatest 2.5.
        List<String> steps = lines(report, "Loss of single steps");
        assertTrue(steps.get(2).startsWith("M215.0 "), steps::toString);
        assertTrue(steps.get(3).matches("M215\\.0 \\S+ 346\\.0 \\S+ "), steps::toString);
    }

    @Test
    void shouldNoteADamagedLastLineThatIsNoHalfOne() throws Exception {
        Document report = report(run("a", EPOCHS + SUMMARY + "{\"kind\":\"step\",\"step\":5,\"lo\n"));

        assertEquals(List.of("a: left out of metrics.jsonl: 1 line that is no whole record"), warnings(report));
    }

    @Test
    void shouldLeaveOutWhatItDoesNotKnowAndCountWhatIsDamaged() throws Exception {
        Document report = report(run("a", "{\"kind\":\"news\",\"step\":1}\n\n{\"kind\":\"epoch\"}\n[1]\n\u0000\ufffd\n"
                + EPOCHS.replace("\"test_loss\":1.4", "\"test_loss\":\"NaN\",\"test_top_2\":0.7,\"test_matrix\":[[1]]")
                + SUMMARY));

        assertEquals(List.of("a: left out of metrics.jsonl: 3 lines that are no whole record"), warnings(report));
        assertEquals(List.of("Loss", "Accuracy", "Top 2", "Loss of single steps", "Learning rate", "Throughput",
                "What a step consists of"), charts(report));
        assertEquals("a | test loss | 2.100 | 2.100 | 1", row(report, "a", 2));
    }

    @Test
    void shouldTakeARunWithoutTestData() throws Exception {
        String epochs = EPOCHS.replaceAll("\"test_[a-z]+\":[0-9.]+,", "")
                .replaceAll("\\{\"kind\":\"(step|validation)\".*\n", "");
        Document report = report(run("a", epochs + SUMMARY));

        assertEquals(List.of("Loss", "Learning rate", "Throughput", "What a step consists of"), charts(report));
        assertEquals(List.of(), warnings(report));
    }

    @Test
    void shouldTakeAFolderThatLacksFiles() throws Exception {
        Path onlyConfig = run("config", "");
        Files.delete(onlyConfig.resolve("metrics.jsonl"));
        Files.delete(onlyConfig.resolve("environment.json"));
        Path onlyMetrics = run("metrics", EPOCHS + SUMMARY);
        Files.writeString(onlyMetrics.resolve("config.yaml"), "a: [");

        List<String> warnings = warnings(report(onlyConfig, onlyMetrics));

        assertEquals("config: there is no metrics.jsonl", warnings.get(0));
        assertEquals("config: where it ran is unknown: environment.json cannot be read", warnings.get(1));
        assertTrue(warnings.get(3).matches("metrics: its settings are unknown: .*config.yaml.*does not parse as YAML.*"),
                warnings::toString);
        assertEquals(4, warnings.size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[[", "[]", "3"})
    void shouldSayThatItDoesNotKnowWhereItRan(String environment) throws Exception {
        Path run = run("cut", EPOCHS + SUMMARY);
        Files.writeString(run.resolve("environment.json"), environment);

        Document report = report(run);

        assertEquals(List.of("cut: where it ran is unknown: environment.json cannot be read"), warnings(report));
        assertFalse(report.getDocumentElement().getTextContent().contains(", commit"));
    }

    @Test
    void shouldRefuseWhatIsNoRun() throws IOException {
        Files.writeString(folder.resolve("file"), "");
        Files.createDirectory(folder.resolve("empty"));

        assertEquals(folder.resolve("nowhere") + " does not exist; name a run's folder, such as runs/NAME",
                refused("nowhere"));
        assertEquals(folder.resolve("file") + " is a file, not a run's folder; name a run's folder, such as runs/NAME",
                refused("file"));
        assertEquals(folder.resolve("empty") + " holds no run: neither metrics.jsonl nor config.yaml; name a run's folder,"
                + " such as runs/NAME", refused("empty"));
    }

    private String refused(String name) {
        return assertThrows(InvalidInputException.class,
                () -> RunReport.html(List.of(folder.resolve(name)), "now")).getMessage();
    }

    @Test
    void shouldTellRunsOfTheSameNameByTheirPaths() throws Exception {
        Path one = run("one/a", EPOCHS + SUMMARY);
        Path two = run("two/a", EPOCHS + SUMMARY);

        Document report = report(one, two);

        assertEquals("Training: " + one + ", " + two, elements(report, "title").get(0).getTextContent());
    }

    @Test
    void shouldBeMadeOfDamagedFiles() throws Exception {
        Random random = new Random(5);
        byte[] whole = (EPOCHS + SUMMARY).getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 100; i++) {
            Path run = run("run" + i, "");
            Files.write(run.resolve("metrics.jsonl"), Mutation.of(whole, random));
            Files.write(run.resolve("config.yaml"), Mutation.of(CONFIG.getBytes(StandardCharsets.UTF_8), random));
            Files.write(run.resolve("environment.json"), Mutation.of(ENVIRONMENT.getBytes(StandardCharsets.UTF_8), random));

            Document report = report(run);

            for (Element path : elements(report, "path")) {
                assertFalse(path.getAttribute("d").contains("NaN") || path.getAttribute("d").contains("Inf"),
                        () -> run.getFileName() + ": " + path.getAttribute("d"));
            }
        }
    }

    private Path run(String name, String metrics) throws IOException {
        Path run = Files.createDirectories(folder.resolve(name));
        Files.writeString(run.resolve("metrics.jsonl"), metrics);
        Files.writeString(run.resolve("config.yaml"), CONFIG.formatted(name, "0.1"));
        Files.writeString(run.resolve("environment.json"), ENVIRONMENT);
        return run;
    }

    private static Document report(Path... runs) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(new InputSource(new StringReader(RunReport.html(List.of(runs), "2026-01-03T00:00:00Z"))));
    }

    private static List<String> charts(Document report) {
        return elements(report, "svg").stream().map(svg -> svg.getElementsByTagName("title").item(0).getTextContent())
                .toList();
    }

    private static Element chart(Document report, String title) {
        return elements(report, "svg").get(charts(report).indexOf(title));
    }

    /** Those of the legend are the first. */
    private static List<String> lines(Document report, String chart) {
        return list(chart(report, chart).getElementsByTagName("path")).stream()
                .filter(path -> path.getAttribute("class").equals("line")).map(path -> path.getAttribute("d")).toList();
    }

    private static List<String> warnings(Document report) {
        return elements(report, "li").stream().map(Element::getTextContent).toList();
    }

    /** The cells of the {@code place}th row, of all tables, that begins with this. */
    private static String row(Document report, String first, int place) {
        List<String> rows = elements(report, "tr").stream()
                .map(row -> Stream.concat(list(row.getElementsByTagName("th")).stream(),
                        list(row.getElementsByTagName("td")).stream()).map(Element::getTextContent).toList())
                .filter(cells -> cells.get(0).equals(first)).map(cells -> String.join(" | ", cells)).toList();
        if (rows.size() <= place) {
            throw new AssertionError("no row " + first + " in " + report.getDocumentElement().getTextContent());
        }
        return rows.get(place);
    }

    private static List<Element> elements(Document report, String tag) {
        return list(report.getElementsByTagName(tag));
    }

    private static List<Element> list(NodeList nodes) {
        List<Element> elements = new ArrayList<>();
        for (int i = 0; i < nodes.getLength(); i++) {
            elements.add((Element) nodes.item(i));
        }
        return elements;
    }
}

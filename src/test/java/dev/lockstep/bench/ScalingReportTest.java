package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.chart.Colours;
import dev.lockstep.job.ScalingConfig.Kind;
import dev.lockstep.report.Breakdown;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Predicate;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class ScalingReportTest {
    private static final NextPoints PREDICTED = new NextPoints(List.of(
            new PredictedPoint(1, 0.126, 0.95, OptionalDouble.of(0.05), true),
            new PredictedPoint(8, 0.15, 0.8, OptionalDouble.empty(), false),
            new PredictedPoint(16, 0.17, 0.71, OptionalDouble.empty(), false)), "Predicted.");
    private static final NextPoints NOTHING = new NextPoints(List.of(), "Nothing is predicted: why.");

    private static final ScalingResult WEAK = new ScalingResults(Kind.WEAK, 256, 1, 2, 4).cores(2).repeats(2)
            .run(1, 0.119, 0.12, 0.121).run(1, 0.118, 0.12, 0.124).run(2, 0.125, 0.13, 0.131).run(2, 0.127, 0.13, 0.139)
            .failed(4, "exit status 1: <no> \"slots\" & \u001b[0m").result();

    @Test
    void shouldBeOneFileThatRefersToNothingOutside() throws Exception {
        Document report = parse(ScalingReport.html(WEAK, PREDICTED, "2026-01-03T00:00:00Z", ScalingResults.COMMIT));

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
    void shouldShowEachRowWithItsMarks() throws Exception {
        Document report = parse(ScalingReport.html(WEAK, PREDICTED, "2026-01-03T00:00:00Z", ScalingResults.COMMIT));

        assertEquals("1 | 120.0 | 118.0 to 124.0 | 120.0, 120.0 | 2,133 | 2,065 to 2,169 | 100.0 % | 100.0 % to 100.0 %"
                + " | 1 | 1 | 1 | 300.0 | 2 | 6 | ok", row(report, "1"));
        assertTrue(row(report, "2")
                .startsWith("2 | 130.0 | 125.0 to 139.0 | 130.0, 130.0 | 3,938 | 3,683 to 4,096 | 92.3 % |"),
                row(report, "2"));
        assertTrue(row(report, "4*\u2020").endsWith("| failed: exit status 1: <no> \"slots\" & \uFFFD[0m"),
                row(report, "4*\u2020"));
        assertEquals("8 | 150.0 | 13,653 | 80.0 % | – | predicted, not measured", row(report, "8"));
        String text = report.getDocumentElement().getTextContent();
        assertTrue(text.contains("* more ranks than cores for them; \u2020 failed, partial or not run"), text);
    }

    @Test
    void shouldNameTheBindingAsFoundAndWhatMpiWasTold() throws Exception {
        Document report = parse(ScalingReport.html(WEAK, NOTHING, "now", ScalingResults.COMMIT));

        assertEquals("binding of 2 ranks | 1 core a rank; found CPUs: 0 1", row(report, "binding of 2 ranks"));
        assertEquals("MPI's transport | pml=ob1", row(report, "MPI's transport"));
        assertEquals("algorithm of sums by MPI | MPI's default, where openmpi-mca-params.conf sets none",
                row(report, "algorithm of sums by MPI"));
    }

    @Test
    void shouldWarnOfEverythingThatMakesFiguresDoubtful() throws Exception {
        ScalingResults results = new ScalingResults(Kind.STRONG, 64, 1, 2, 4, 8).repeats(2).cores(2)
                .state(ScalingResult.State.INTERRUPTED).run(1, 0.2).failed(2, "gone");
        results.run(results.line(4, 0.1).put("threads", 2));

        List<String> warnings = warnings(ScalingReport.html(results.result(), NOTHING, "2026-01-03T00:00:00Z", "fedcba9"));

        assertEquals(List.of("Partial results: the benchmark was interrupted after 3 of 8 runs.",
                "Failed, with its reason in the table: 2 ranks.",
                "Efficiency is against a base of which not all runs were measured: 1 rank.",
                "More ranks than cores for them, so that they took turns: 4, 8 ranks.",
                "The rows differ in more than the number of ranks: threads a rank 1 (1 rank); 2 (4 ranks)."), warnings);
    }

    @Test
    void shouldMarkRanksOfWhichSomeRunsWereMeasured() throws Exception {
        ScalingResult result = new ScalingResults(Kind.WEAK, 64, 1, 2, 4).repeats(2).state(ScalingResult.State.INTERRUPTED)
                .run(1, 0.2).run(1, 0.2).run(2, 0.21).failed(2, "gone").run(4, 0.22).result();

        Document report = parse(ScalingReport.html(result, NOTHING, "now", ScalingResults.COMMIT));

        assertTrue(row(report, "2\u2020").endsWith("| 1 | 1 | failed: gone"), row(report, "2\u2020"));
        assertTrue(row(report, "4\u2020").endsWith("| 1 | 1 | partial: 1 of 2 repeats"), row(report, "4\u2020"));
        assertTrue(elements(report, "svg").get(0).getTextContent().contains("2\u2020"));
    }

    @Test
    void shouldNotWarnOfWholeResults() throws Exception {
        ScalingResult whole = new ScalingResults(Kind.STRONG, 64, 1, 2).run(1, 0.2).run(2, 0.11).result();

        assertEquals(List.of(), warnings(ScalingReport.html(whole, NOTHING, "now", ScalingResults.COMMIT)));
    }

    @Test
    void shouldSayThatAnotherBuildMadeTheReport() throws Exception {
        String report = ScalingReport.html(WEAK, NOTHING, "2026-01-03T00:00:00Z", "fedcba9");

        assertTrue(report.contains("this report was made 2026-01-03T00:00:00Z by another build, commit fedcba9."), report);
    }

    @Test
    void shouldSayWhyThereIsNoEfficiency() throws Exception {
        ScalingResult result = new ScalingResults(Kind.STRONG, 64, 1, 2).failed(1, "gone").run(2, 0.11).result();

        Document report = parse(ScalingReport.html(result, NOTHING, "now", ScalingResults.COMMIT));

        assertTrue(warnings(report).contains("No efficiency: the base, 1 rank, was not measured."),
                warnings(report)::toString);
        assertEquals(2, elements(report, "svg").size());
    }

    @Test
    void shouldBeMadeOfResultsWithoutASingleMeasurement() throws Exception {
        ScalingResult nothing = new ScalingResults(Kind.WEAK, 64, 1, 2).state(ScalingResult.State.INTERRUPTED).result();

        Document report = parse(ScalingReport.html(nothing, NOTHING, "now", ScalingResults.COMMIT));

        assertEquals(0, elements(report, "svg").size());
        assertTrue(row(report, "1\u2020").endsWith("not run: not begun when the benchmark ended"), row(report, "1\u2020"));
    }

    @Test
    void shouldDrawPredictedPointsOtherwiseThanMeasuredOnes() throws Exception {
        Document report = parse(ScalingReport.html(WEAK, PREDICTED, "now", ScalingResults.COMMIT));
        Element throughput = elements(report, "svg").get(0);

        // One in the legend.
        assertEquals(1 + 2, children(throughput, "path", path -> isMarker(path, Colours.BLUE)).size());
        assertEquals(1 + 2, children(throughput, "path", path -> isMarker(path, "white")).size());
        assertEquals(2, children(throughput, "path", path -> path.getAttribute("class").equals("interval")).size());
        assertTrue(throughput.getTextContent().contains("predicted, not measured"));
    }

    private static boolean isMarker(Element path, String fill) {
        return path.getAttribute("class").equals("marker") && path.getAttribute("fill").equals(fill);
    }

    @Test
    void shouldStackTheWholeStep() throws Exception {
        Document report = parse(ScalingReport.html(WEAK, NOTHING, "now", ScalingResults.COMMIT));
        Element steps = elements(report, "svg").get(2);

        List<Element> parts = children(steps, "rect", rect -> rect.hasAttribute("stroke"));
        assertEquals(2 * 5, parts.size());
        assertEquals(Breakdown.partNames().size(), children(steps, "rect", rect -> !rect.hasAttribute("stroke")).size());
        for (int i = 1; i < 5; i++) {
            // One ends where the next begins, but for what writing one decimal takes.
            assertEquals(number(parts.get(i - 1), "x") + number(parts.get(i - 1), "width"), number(parts.get(i), "x"), 0.11);
        }
    }

    private static double number(Element element, String attribute) {
        return Double.parseDouble(element.getAttribute(attribute));
    }

    private static List<String> warnings(String report) throws Exception {
        return warnings(parse(report));
    }

    private static List<String> warnings(Document report) {
        Optional<Element> box = elements(report, "div").stream()
                .filter(div -> div.getAttribute("class").equals("warning")).findFirst();
        return box.map(div -> children(div, "li", item -> true).stream().map(Element::getTextContent).toList())
                .orElse(List.of());
    }

    /** The cells of the first row of any table that begins with this. */
    private static String row(Document report, String first) {
        for (Element row : elements(report, "tr")) {
            List<String> cells = children(row, "td", cell -> true).stream().map(Element::getTextContent).toList();
            if (!cells.isEmpty() && cells.get(0).equals(first)) {
                return String.join(" | ", cells);
            }
        }
        throw new AssertionError("no row " + first + " in " + report.getDocumentElement().getTextContent());
    }

    private static List<Element> elements(Document report, String tag) {
        return list(report.getElementsByTagName(tag), element -> true);
    }

    private static List<Element> children(Element parent, String tag, Predicate<Element> condition) {
        return list(parent.getElementsByTagName(tag), condition);
    }

    private static List<Element> list(NodeList nodes, Predicate<Element> condition) {
        List<Element> elements = new ArrayList<>();
        for (int i = 0; i < nodes.getLength(); i++) {
            if (condition.test((Element) nodes.item(i))) {
                elements.add((Element) nodes.item(i));
            }
        }
        return elements;
    }

    private static Document parse(String html) throws Exception {
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(html)));
    }
}

package dev.lockstep.chart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The geometry of charts. */
class ChartTest {
    @ParameterizedTest
    @CsvSource({"0.93, 0 0.2 0.4 0.6 0.8 1", "1, 0 0.2 0.4 0.6 0.8 1", "1.01, 0 0.2 0.4 0.6 0.8 1 1.2", 
        "410, 0 100 200 300 400 500", "0.00031, 0 0.0001 0.0002 0.0003 0.0004", "6, 0 1 2 3 4 5 6",
        "0, 0 0.2 0.4 0.6 0.8 1",
        "1e-9, 0 2e-10 4e-10 6e-10 8e-10 1e-09", "3e30, 0 5e+29 1e+30 1.5e+30 2e+30 2.5e+30 3e+30"})
    void shouldBeginLinearAxesAtZeroAndEndThemRound(double most, String ticks) {
        assertEquals(ticks, ticks(Scale.fromZero(most)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"300 | 320 | 200 500", "100 | 100 | 100 200",
        "1000 | 8000 | 1,000 2,000 5,000 10,000", "1000 | 2000000 | 1,000 10,000 100,000 1,000,000 10,000,000",
        "0.3 | 0.9 | 0.2 0.5 1", "1e-30 | 1 | 1e-30 1e-26 1e-22 1e-18 1e-14 1e-10 1e-06 0.01 100"})
    void shouldEndLogarithmicAxesAtRoundNumbers(double least, double most, String ticks) {
        assertEquals(ticks, ticks(Scale.logarithmic(least, most)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"0.853 | 0.871 | 0.85 0.855 0.86 0.865 0.87 0.875", "-3 | 5 | -4 -2 0 2 4 6",
        "7 | 7 | 6 8 10 12 14", "-1 | -1 | -1 -0.8 -0.6 -0.4 -0.2 0",
        "1e16 | 1.0000000000000002e16 | 1e+16 1.2e+16 1.4e+16 1.6e+16 1.8e+16 2e+16"})
    void shouldEndLinearAxesAtRoundNumbersOnBothSides(double least, double most, String ticks) {
        assertEquals(ticks, ticks(Scale.linear(least, most)));
    }

    private static String ticks(Scale scale) {
        return String.join(" ", scale.ticks().stream().map(Figures::tick).toList());
    }

    @Test
    void shouldPlaceValuesBetweenTheEnds() {
        assertEquals(0.25, Scale.fromZero(4).fraction(1), 1e-9);
        assertEquals(0.25, Scale.linear(-2, 2).fraction(-1), 1e-9);
        assertEquals(0.5, Scale.logarithmic(1, 100).fraction(10), 1e-9);
        assertEquals(0.1, Scale.fromZero(4).widened(0.125).fraction(0), 1e-9);
        assertEquals(0.9, Scale.logarithmic(1, 100).widened(0.125).fraction(100), 1e-9);
    }

    @ParameterizedTest
    @CsvSource({"500, 500", "1000, 1 k", "20000, 20 k", "1000000, 1 M", "5e9, 5 G", "0.5, 0.5"})
    void shouldShortenLargeTicks(double value, String text) {
        assertEquals(text, Figures.metric(value));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"0 | 0", "0.12344 | 0.1234", "1.5 | 1.500", "120 | 120.0", "1234.56 | 1,235",
        "12345678 | 12,345,678"})
    void shouldShowFourDigitsThatCount(double value, String text) {
        assertEquals(text, Figures.number(value));
    }

    @Test
    void shouldDrawWhatTheNumbersSay() {
        LineChart.Style style = new LineChart.Style(Colours.BLUE, LineChart.Dash.SOLID, LineChart.Marker.NONE, true);
        Axis horizontal = Axis.of("x", Scale.fromZero(4), Figures::tick);
        Axis vertical = Axis.of("y", Scale.fromZero(10), Figures::tick);
        List<LineChart.Point> joined = List.of(new LineChart.Point(0, 0, ""), new LineChart.Point(1, 5, 2.5, 10, ""),
                new LineChart.Point(4, 10, ""));
        String chart = LineChart.draw("title", horizontal, vertical, Map.of("run", style), List.of(
                new LineChart.Series(style, List.of(joined, List.of(new LineChart.Point(2, 0, "")))))).toString();

        // The plot reaches from 84 to 608 and from 34 to 298.
        assertEquals(List.of("M84.0 14.0h20", "M84.0 298.0 215.0 166.0 608.0 34.0 ", "M346.0 298.0 h0"),
                paths(chart, "line"));
        assertEquals(List.of("M84.0 298.0 215.0 34.0 608.0 34.0 608.0 34.0 215.0 232.0 84.0 298.0 Z"),
                paths(chart, "range"));
        assertTrue(chart.contains("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 350\" role=\"img\""), chart);
        assertTrue(chart.contains("><title>title</title>"), chart);
    }

    @ParameterizedTest
    @EnumSource(value = LineChart.Marker.class, mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void shouldSayAtAMarkerWhatItIs(LineChart.Marker marker) {
        LineChart.Style style = new LineChart.Style(Colours.BLUE, LineChart.Dash.DASHED, marker, false);
        Axis axis = Axis.of("", Scale.fromZero(4), Figures::tick);
        String chart = LineChart.draw("title", axis, axis, Map.of(), List.of(new LineChart.Series(style,
                List.of(List.of(new LineChart.Point(1, 2, 1, 3, "one & two")))))).toString();

        assertTrue(paths(chart, "marker").get(0).matches("M215\\.0 166\\.0m.*Z"), chart);
        assertTrue(chart.contains("><title>one &amp; two</title>"), chart);
        assertEquals(List.of("M211.0 232.0H219.0M211.0 100.0H219.0M215.0 232.0V100.0"), paths(chart, "interval"));
    }

    private static List<String> paths(String chart, String kind) {
        return Pattern.compile("<path d=\"([^\"]*)\"[^>]* class=\"" + kind + "\"").matcher(chart).results()
                .map(path -> path.group(1)).toList();
    }

    @Test
    void shouldStackThePartsOfABar() {
        String chart = StackedBarChart.draw("title", "ms", List.of("one", "two"), List.of(
                new StackedBarChart.Bar("first", List.of(1.0, 3.0)), new StackedBarChart.Bar("second", List.of(2.0, 0.0))),
                Figures::tick).toString();

        List<String> parts = Pattern.compile("<rect x=\"([0-9.]+)\" y=\"([0-9.]+)\" width=\"([0-9.]+)\"[^>]*class=\"part\">"
                + "<title>([^<]*)<").matcher(chart).results()
                .map(part -> part.group(1) + " " + part.group(2) + " " + part.group(3) + " " + part.group(4)).toList();
        // 131 pixels a millisecond.
        assertEquals(List.of("84.0 50.0 131.0 first, one: 1", "215.0 50.0 393.0 first, two: 3",
                "84.0 92.0 262.0 second, one: 2",
                "346.0 92.0 0.0 second, two: 0"), parts);
    }

    @Test
    void shouldTellWhatARowIsOf() {
        Markup html = new Markup().open("p");
        Table table = new Table(html, List.of("name"), List.of("number"), List.of("text"));
        table.row(List.of("a", "1", "b"));
        table.close();

        String text = html.close().toString();
        assertTrue(text.contains("<tr><th scope=\"row\" class=\"text\">a</th><td>1</td><td class=\"text\">b</td></tr>"),
                text);
        assertTrue(text.contains("<th scope=\"col\">number</th>"), text);
    }

    @Test
    void shouldWrapALegendThatIsTooWide() {
        List<String> names = List.of("n".repeat(30), "n".repeat(31), "n".repeat(32));
        Frame one = new Frame("title", Map.of(names.get(0), (svg, x, y) -> { }), 100);
        Frame three = new Frame("title", Map.of(names.get(0), (svg, x, y) -> { }, names.get(1),
                (svg, x, y) -> { }, names.get(2), (svg, x, y) -> { }), 100);

        assertTrue(three.top > one.top + 10);
        assertEquals(100, three.bottom - three.top);
    }

    @Test
    void shouldRefuseToEndWithWhatIsNotClosed() {
        Markup markup = new Markup().open("p").text("a < b");

        assertTrue(assertThrows(IllegalStateException.class, markup::toString).getMessage()
                .contains("p"));
        assertEquals("<p>a &lt; b</p>\n", markup.close().toString());
    }
}

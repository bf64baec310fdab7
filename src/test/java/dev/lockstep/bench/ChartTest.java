package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The geometry of charts. */
class ChartTest {
    private static final Pattern RANK_LABEL = Pattern.compile("<text x=\"([0-9.]+)\" y=\"323.0\"[^>]*>([^<]+)</text>");
    /** Wider than any in the fonts that browsers take for 12 pixels. */
    private static final double WIDEST_LETTER = 7;

    @ParameterizedTest
    @CsvSource({"0.93, 0 0.2 0.4 0.6 0.8 1", "1, 0 0.2 0.4 0.6 0.8 1", "1.01, 0 0.2 0.4 0.6 0.8 1 1.2", 
        "410, 0 100 200 300 400 500", "0.00031, 0 0.0001 0.0002 0.0003 0.0004", "6, 0 1 2 3 4 5 6"})
    void shouldBeginLinearAxesAtZeroAndEndThemRound(double most, String ticks) {
        assertEquals(ticks, ticks(Scale.linear(most, 0, 100)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"300 | 320 | 200 500", "100 | 100 | 100 200",
        "1000 | 8000 | 1,000 2,000 5,000 10,000", "1000 | 2000000 | 1,000 10,000 100,000 1,000,000 10,000,000",
        "0.3 | 0.9 | 0.2 0.5 1"})
    void shouldEndLogarithmicAxesAtRoundNumbers(double least, double most, String ticks) {
        assertEquals(ticks, ticks(Scale.logarithmic(least, most, 0, 100)));
    }

    private static String ticks(Scale scale) {
        return String.join(" ", scale.ticks().stream().map(Figures::tick).toList());
    }

    @Test
    void shouldPlaceValuesBetweenTheEnds() {
        assertEquals(75, Scale.linear(4, 100, 0).at(1), 1e-9);
        assertEquals(50, Scale.logarithmic(1, 100, 0, 100).at(10), 1e-9);
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

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 16, 64, 1000})
    void shouldKeepLabelsOfRanksApartAndPowersOfTwoBeforeOthers(int most) {
        List<Integer> ranks = IntStream.rangeClosed(1, most).boxed().toList();
        List<LineChart.Point> points = ranks.stream()
                .map(count -> new LineChart.Point(count, new Estimate(count, count, count))).toList();
        String chart = LineChart.draw("title", "figure", series(points),
                ranks, count -> count + "*", true, Figures::metric).toString();

        List<String> shown = labels(chart);
        for (int count = 1; count <= most; count *= 2) {
            assertTrue(shown.contains(count + "*"), shown::toString);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 100})
    void shouldKeepLabelsOfBarsApart(int most) {
        List<StackedBarChart.Bar> bars = IntStream.rangeClosed(1, most)
                .mapToObj(count -> new StackedBarChart.Bar(count, "" + count, List.of(1.0, 2.0))).toList();

        String chart = StackedBarChart.draw("title", "figure", List.of("one", "two"), bars).toString();

        assertTrue(labels(chart).contains("1"));
    }

    /** Those on the axis of ranks, from left to right; fails where two of them touch or one leaves the chart. */
    private static List<String> labels(String chart) {
        record Placed(double x, String text) {
            double left() {
                return x - WIDEST_LETTER * text.length() / 2;
            }

            double right() {
                return x + WIDEST_LETTER * text.length() / 2;
            }
        }
        List<Placed> placed = new ArrayList<>();
        Matcher label = RANK_LABEL.matcher(chart);
        while (label.find()) {
            placed.add(new Placed(Double.parseDouble(label.group(1)), label.group(2)));
        }
        placed.sort((a, b) -> Double.compare(a.x, b.x));
        assertTrue(placed.get(0).left() > 0 && placed.get(placed.size() - 1).right() < Chart.WIDTH, placed::toString);
        for (int i = 1; i < placed.size(); i++) {
            assertTrue(placed.get(i - 1).right() < placed.get(i).left(), placed::toString);
        }
        return placed.stream().map(Placed::text).toList();
    }

    @Test
    void shouldNotJoinPointsOverRanksThatFailed() {
        List<LineChart.Point> points = List.of(point(1), point(2), point(8));
        String chart = LineChart.draw("title", "figure", series(points),
                List.of(1, 2, 4, 8), count -> "" + count, true, Figures::metric).toString();

        // One in the legend, one between 1 and 2.
        assertEquals(2, Pattern.compile("<line [^>]*stroke-width=\"2\"").matcher(chart).results().count());
    }

    private static List<LineChart.Series> series(List<LineChart.Point> points) {
        return List.of(new LineChart.Series("a", LineChart.Style.MEASURED, points));
    }

    private static LineChart.Point point(int ranks) {
        return new LineChart.Point(ranks, new Estimate(ranks, ranks, ranks));
    }

    @Test
    void shouldWrapALegendThatIsTooWide() {
        List<String> names = List.of("n".repeat(30), "n".repeat(31), "n".repeat(32));
        Chart one = new Chart("title", Map.of(names.get(0), (svg, x, y) -> { }));
        Chart three = new Chart("title", Map.of(names.get(0), (svg, x, y) -> { }, names.get(1),
                (svg, x, y) -> { }, names.get(2), (svg, x, y) -> { }));

        assertTrue(three.top > one.top + 10);
    }

    @Test
    void shouldRefuseToEndWithWhatIsNotClosed() {
        Markup markup = new Markup().open("p").text("a < b");

        assertTrue(assertThrows(IllegalStateException.class, markup::toString).getMessage()
                .contains("p"));
        assertEquals("<p>a &lt; b</p>\n", markup.close().toString());
    }
}

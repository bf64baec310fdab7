package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.chart.Figures;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The axis of ranks, and what is joined along it. */
class RankChartTest {
    private static final Pattern RANK_LABEL = Pattern.compile("<text x=\"([0-9.]+)\" y=\"317.0\"[^>]*>([^<]+)</text>");
    /** Wider than any in the fonts that browsers take for 12 pixels. */
    private static final double WIDEST_LETTER = 7;
    private static final double WIDTH = 640;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 16, 64, 1000})
    void shouldKeepLabelsOfRanksApartAndPowersOfTwoBeforeOthers(int most) {
        List<Integer> ranks = IntStream.rangeClosed(1, most).boxed().toList();
        List<RankChart.Point> points = ranks.stream()
                .map(count -> new RankChart.Point(count, new Estimate(count, count, count))).toList();
        String chart = RankChart.draw("title", "figure", series(points),
                ranks, count -> count + "*", true, Figures::metric).toString();

        List<String> shown = labels(chart);
        for (int count = 1; count <= most; count *= 2) {
            assertTrue(shown.contains(count + "*"), shown::toString);
        }
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
        assertTrue(placed.get(0).left() > 0 && placed.get(placed.size() - 1).right() < WIDTH, placed::toString);
        for (int i = 1; i < placed.size(); i++) {
            assertTrue(placed.get(i - 1).right() < placed.get(i).left(), placed::toString);
        }
        return placed.stream().map(Placed::text).toList();
    }

    @Test
    void shouldNotJoinPointsOverRanksThatFailed() {
        List<RankChart.Point> points = List.of(point(1), point(2), point(8));
        String chart = RankChart.draw("title", "figure", series(points),
                List.of(1, 2, 4, 8), count -> "" + count, true, Figures::metric).toString();

        List<String> lines = Pattern.compile("<path d=\"([^\"]*)\"[^>]*class=\"line\"").matcher(chart).results()
                .map(line -> line.group(1)).toList();
        // One in the legend, one between 1 and 2, and that of a point alone.
        assertEquals(3, lines.size(), chart);
        assertEquals(4, lines.get(1).split(" ").length, chart);
        assertTrue(lines.get(2).endsWith("h0"), chart);
    }

    private static List<RankChart.Series> series(List<RankChart.Point> points) {
        return List.of(new RankChart.Series(RankChart.Kind.MEASURED, points));
    }

    private static RankChart.Point point(int ranks) {
        return new RankChart.Point(ranks, new Estimate(ranks, ranks, ranks));
    }
}

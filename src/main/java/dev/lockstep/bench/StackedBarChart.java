package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What figures consist of, a bar for each number of ranks. */
final class StackedBarChart {
    /** @param parts from below, each by the colour of its place; none draws an empty place */
    record Bar(int ranks, String label, List<Double> parts) {
        double sum() {
            return parts.stream().mapToDouble(Double::doubleValue).sum();
        }
    }

    private static final double WIDEST = 64;

    private StackedBarChart() {
    }

    /** @param names of the parts */
    static Markup draw(String title, String figure, List<String> names, List<Bar> bars) {
        Map<String, Chart.Swatch> legend = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            String colour = Chart.COLOURS.get(i);
            legend.put(names.get(i), (svg, x, y) ->
                    svg.empty("rect", "x", x + 4, "y", y - 6, "width", 14.0, "height", 12.0, "fill", colour));
        }
        Chart chart = new Chart(title, legend);
        Scale vertical = Scale.linear(bars.stream().mapToDouble(Bar::sum).max().orElse(1), Chart.BOTTOM, chart.top);
        chart.verticalAxis(vertical, figure, Figures::tick);
        double place = (Chart.RIGHT - Chart.LEFT) / bars.size();
        double width = Math.min(WIDEST, 0.7 * place);
        List<Chart.Label> labels = new ArrayList<>();
        for (int i = 0; i < bars.size(); i++) {
            double middle = Chart.LEFT + (i + 0.5) * place;
            labels.add(new Chart.Label(middle, bars.get(i).ranks(), bars.get(i).label()));
            double below = 0;
            for (int part = 0; part < bars.get(i).parts().size(); part++) {
                double value = bars.get(i).parts().get(part);
                double y = vertical.at(below + value);
                chart.svg.empty("rect", "x", middle - width / 2, "y", y, "width", width, "height", vertical.at(below) - y,
                        "fill", Chart.COLOURS.get(part), "stroke", "white", "stroke-width", "0.5");
                below += value;
            }
        }
        chart.rankAxis(labels);
        return chart.close();
    }
}

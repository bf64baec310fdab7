package dev.lockstep.chart;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;

/** What figures consist of: bars below each other, each with its name above it. */
public final class StackedBarChart {
    /** @param parts from the left, each by the colour of its place; none draws an empty place */
    public record Bar(String name, List<Double> parts) {
        double sum() {
            return parts.stream().mapToDouble(Double::doubleValue).sum();
        }
    }

    private static final double PLACE = 42;
    private static final double NAME = 16;
    private static final double HEIGHT = 18;

    private StackedBarChart() {
    }

    /**
     * @param title  for those who cannot see the chart
     * @param figure what the bars' lengths say
     * @param names  of the parts, at most six
     */
    public static Markup draw(String title, String figure, List<String> names, List<Bar> bars, DoubleFunction<String> text) {
        Map<String, Frame.Swatch> legend = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            String colour = Colours.AREAS.get(i);
            legend.put(names.get(i), (svg, x, y) ->
                    svg.empty("rect", "x", x + 4, "y", y - 6, "width", 14.0, "height", 12.0, "fill", colour));
        }
        Frame frame = new Frame(title, legend, PLACE * bars.size());
        Scale scale = Scale.fromZero(bars.stream().mapToDouble(Bar::sum).max().orElse(1));
        Axis axis = Axis.of(figure, scale, Figures::tick);
        frame.horizontal(axis);
        double y = frame.top;
        for (Bar bar : bars) {
            frame.svg.element("text", bar.name, "x", Frame.LEFT + 4, "y", y + NAME - 3);
            frame.svg.element("text", text.apply(bar.sum()), "x", Frame.RIGHT, "y", y + NAME - 3, "text-anchor", "end");
            double before = 0;
            for (int part = 0; part < bar.parts.size(); part++) {
                double x = frame.x(axis, before);
                before += bar.parts.get(part);
                frame.svg.open("rect", "x", x, "y", y + NAME, "width", frame.x(axis, before) - x, "height", HEIGHT,
                        "fill", Colours.AREAS.get(part), "stroke", "white", "stroke-width", "0.5", "class", "part")
                        .element("title", bar.name + ", " + names.get(part) + ": " + text.apply(bar.parts.get(part)))
                        .close();
            }
            y += PLACE;
        }
        return frame.close();
    }
}

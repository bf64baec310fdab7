package dev.lockstep.report;

import dev.lockstep.chart.LineChart.Dash;
import java.util.Locale;

/** What a figure was computed on; charts tell it by the line's dashes. */
enum Split {
    TRAIN("training", Dash.SOLID),
    TEST("test", Dash.DASHED),
    VALIDATION("validation", Dash.DOTTED);

    final String text;
    final Dash dash;

    Split(String text, Dash dash) {
        this.text = text;
        this.dash = dash;
    }

    /** Of a key in metrics.jsonl. */
    String prefix() {
        return name().toLowerCase(Locale.ROOT) + "_";
    }
}

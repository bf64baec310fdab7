package dev.lockstep.bench;

import dev.lockstep.chart.Figures;
import dev.lockstep.job.ScalingConfig.Kind;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Locale;

/** A scaling benchmark's rows for a terminal. */
public final class ScalingText {
    private static final String FORMAT = "%6s %10s %22s %14s %11s %9s %9s %9s %9s %12s  %s%n";

    private ScalingText() {
    }

    public static void print(ScalingResult result, PrintWriter out) {
        ScalingTable table = ScalingTable.of(result);
        ScalingResult.Setup setup = result.setup();
        out.println(setup.scaling().name().toLowerCase(Locale.ROOT) + " scaling of " + setup.jobName() + ", "
                + (setup.scaling() == Kind.STRONG ? "global batch " : "batch a rank ")
                + setup.batch() + ", against " + ScalingTable.count(setup.baseRanks())
                + "; times in ms, the breakdown's are means; intervals cover steps, not runs");
        out.printf(FORMAT, "ranks", "step", "interval", "samples/s", "efficiency", "data", "forward", "backward",
                "exposed", "update, rest", "");
        for (ScalingRow row : table.rows()) {
            Object[] cells = new Object[11];
            Arrays.fill(cells, "-");
            cells[0] = row.ranks() + (row.oversubscribed() ? "*" : "");
            row.measured().ifPresent(measured -> {
                cells[1] = Figures.milliseconds(measured.stepSeconds().value());
                cells[2] = measured.stepSeconds().inMilliseconds();
                cells[3] = Figures.number(measured.samplesPerSecond().value());
                measured.breakdown().ifPresent(breakdown -> {
                    int column = 5;
                    for (double seconds : breakdown.seconds().values()) {
                        cells[column++] = Figures.milliseconds(seconds);
                    }
                });
            });
            row.efficiency().ifPresent(efficiency -> cells[4] = Figures.percent(efficiency.value()));
            cells[10] = row.status() == ScalingRow.Status.OK ? "" : row.outcome();
            out.print(String.format(FORMAT, cells).stripTrailing() + "\n");
        }
        table.warnings().forEach(warning -> out.println("note: " + warning));
    }
}
